import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import {
  asCommitId,
  asTreeId,
  changeDigest,
  encodeFacts,
  type Facts,
  factsDigest,
  parseJsonStrict,
  pathOf,
} from '../../src/core/index.ts'
import { openClone } from '../../src/delivery/cli/git-reader.ts'
import { startDeployment } from './deployment.ts'
import { act, attest } from './signing.ts'
import { approveAll, days, entriesOf, open, sharedDeployment } from './threat-scene.ts'
import { git, landed, oneLanding, passed, press, sdk, strangersView, verify } from './strangers-view.ts'
import { type LogContent, writeLogFiles } from './write-log-files.ts'

const long = (top: string, bottom: string) =>
  [top, ...Array.from({ length: 30 }, (_, n) => `line ${n}`), bottom, ''].join('\n')

test('T48 verify repo names exactly the bad landings among merges, squashes, rebases, moved bases, modes, pushes and over-full merges', async (t) => {
  const d = await sharedDeployment({ repositories: ['sdk'] })()
  const start = await passed(d, { files: { 'docs/long.md': long('top', 'bottom') } })
  const merged = await passed(d, { files: { 'docs/merged.md': 'merged\n' } })
  const squashed = await passed(d, { files: { 'docs/squashed.md': 'squashed\n' } }, ['docs/second.md'])
  const rebased = await passed(d, { files: { 'docs/r1.md': '1\n' } }, ['docs/r2.md', 'docs/r3.md'])
  const mode = await passed(d, {
    files: { 'docs/guide.md': { content: d.fake.file(sdk, 'main', 'docs/guide.md')?.text ?? '', mode: '100755' } },
  })
  const evil = await passed(d, { files: { 'docs/evil.md': 'innocent\n' } })
  await d.pass(days(14))
  await press(d, start, 'squash')
  await d.settled()
  const same = [
    await passed(d, { files: { 'docs/long.md': long('TOP', 'bottom') } }),
    await passed(d, { files: { 'docs/long.md': long('top', 'BOTTOM') } }),
  ] as const
  const other = [
    await passed(d, { files: { 'docs/o1.md': '1\n' } }),
    await passed(d, { files: { 'docs/o2.md': '2\n' } }),
  ] as const
  const vetoed = await passed(d, { files: { 'docs/vetoed.md': 'no\n' } })
  await d.pass(days(14))
  await press(d, merged, 'merge')
  await d.settled()
  await press(d, squashed, 'squash')
  await d.settled()
  const pushed = d.fake.commit(sdk, 'main', {
    author: 'admin',
    by: 'admin',
    files: { 'src/evil.ts': '1\n' },
    bypass: true,
  })
  await d.settled()
  await press(d, rebased, 'rebase')
  await d.settled()
  await press(d, mode, 'squash')
  await d.settled()
  // Two are merged before the server hears of the first: the second lands on a base that nobody decided on.
  for (const pair of [other, same]) {
    d.fake.deliveryFaults.hold()
    for (const pull of pair) await press(d, pull, pair === other ? 'squash' : 'merge')
    await d.fake.deliveryFaults.release()
    await d.settled()
  }
  const main = d.fake.branch(sdk, 'main')
  const overfull = d.fake.makeCommit(sdk, main, {
    author: 'admin',
    message: `Merge pull request #${evil.number}`,
    files: { 'docs/evil.md': 'innocent\n', 'src/backdoor.ts': 'open()\n' },
    parents: [main, evil.headSha],
  })
  d.fake.push(sdk, 'main', overfull, { by: 'admin', bypass: true })
  await d.settled()
  assert.equal(
    await act(d, sdk, vetoed.number, d.of('layer-5')[4] as never, { decision: 'veto', reason: 'It breaks the guide.' }),
    'ok',
  )
  await press(d, vetoed, 'merge', true)
  await d.settled()
  const unseen = await open(d, sdk, { files: { 'docs/unseen.md': 'x\n' } })
  await press(d, unseen, 'merge', true)
  await d.settled()

  const view = await strangersView(t, d)
  const before = git(view.clone, 'count-objects', '-v')
  const { exit, report } = await verify(view)
  assert.deepEqual(landed(report), [
    [start.number, 'merge-tree', 1],
    [merged.number, 'merge-tree', 1],
    [squashed.number, 'merge-tree', 1],
    [null, 'unmatched-landing', 1],
    [rebased.number, 'merge-tree', 3],
    [mode.number, 'merge-tree', 1],
    [other[0].number, 'merge-tree', 1],
    [other[1].number, 'approved-paths', 1],
    [same[0].number, 'merge-tree', 1],
    [same[1].number, 'merged-with-moved-base', 1],
    [evil.number, 'merge-holds-more', 1],
    [vetoed.number, 'merged-without-pass', 1],
    [null, 'unmatched-landing', 1],
  ])
  const bad = report.landings.filter(({ outcome }) => outcome === 'bad').map(({ commit }) => commit)
  assert.deepEqual(bad.slice(0, 2), [pushed, overfull])
  assert.equal(bad.length, 4)
  assert.equal(report.landings.filter(({ outcome }) => outcome === 'ok').length, 9)
  assert.deepEqual(report.problems, [])
  assert.deepEqual([exit, report.outcome], [1, 'bad'])
  assert.equal(git(view.clone, 'count-objects', '-v'), before, 'the clone is as it was')

  await d.published()
  const published = await verify({ ...view, log: `${d.url}/log/decisions` })
  assert.deepEqual(landed(published.report), landed(report), 'what the server itself publishes says the same')
})

/** Replaces the facts of every verdict on a change, with everything that names them, as who holds the log's key can. */
function lie({ entries, blobs }: LogContent, number: number, change: (facts: Facts) => Partial<Facts>): void {
  const json = (digest: unknown): unknown => {
    const parsed = parseJsonStrict(blobs.get(String(digest)) ?? new Uint8Array(0), { maxBytes: 1 << 20, maxDepth: 64 })
    return parsed.ok ? parsed.value : null
  }
  for (const [index, entry] of entries.entries()) {
    if (entry.type !== 'verdict' || entry.subject.number !== number || entry.data.facts === null) continue
    const head = json(entry.data.facts) as Omit<Facts, 'files'>
    const told: Facts = { ...head, files: json(head.changeDigest) as Facts['files'] }
    const lied = { ...told, ...change(told) }
    const facts: Facts = { ...lied, changeDigest: changeDigest(lied.files) }
    const encoded = encodeFacts(facts)
    blobs.set(facts.changeDigest, encoded.files)
    blobs.set(factsDigest(facts), encoded.facts)
    entries[index] = { ...entry, data: { ...entry.data, facts: factsDigest(facts) } }
  }
}

test('T49 an operator with a valid log and keys who records the real trees with an innocent file list is named', async (t) => {
  const { d, pull } = await oneLanding(t)
  const view = await strangersView(t, d)
  const honest = await verify(view)
  assert.deepEqual([honest.report.outcome, landed(honest.report)], ['consistent', [[pull.number, 'merge-tree', 1]]])
  assert.ok(honest.report.notCheckable.includes('commits.accounts'), 'what git cannot tell is said')

  const lies: readonly (readonly [string, (facts: Facts) => Partial<Facts>])[] = [
    ['files[docs/more.md]', ({ files }) => ({ files: files.filter((file) => pathOf(file) !== 'docs/more.md') })],
    [
      'files[docs/guide.md]',
      ({ files }) => ({ files: files.map((file) => ({ ...file, newMode: file.newMode && '100755' })) }),
    ],
    ['head.tree', ({ head, merge }) => ({ head: { ...head, tree: asTreeId('1'.repeat(40)) }, merge })],
    ['mergeBase', ({ head }) => ({ mergeBase: head.sha })],
    ['base.sha', ({ base, head }) => ({ base: { ...base, sha: head.sha } })],
    [`commits[${pull.headSha}]`, () => ({ commits: [] })],
    [
      `commits[${pull.headSha}].committer`,
      ({ commits }) => ({
        commits: commits.map((commit) => ({ ...commit, committer: { account: null, how: 'forge' as const } })),
      }),
    ],
  ]
  for (const [field, change] of lies) {
    const log = join(view.dir, `lie-${field.replaceAll(/\W/g, '-')}`)
    const trust = await writeLogFiles(d, log, (content) => lie(content, pull.number, change))
    const { exit, report } = await verify({ ...view, log, trust })
    assert.equal(exit, 1, field)
    const [landing] = report.landings
    assert.equal(landing?.code, 'facts-contradict-git', field)
    assert.ok(
      landing.contradictions.some((one) => one.field === field),
      `${field}: ${JSON.stringify(landing)}`,
    )
  }
})

test('T48 what the log says landed must be there, and what is there must not have passed afterwards', async (t) => {
  const { d, pull } = await oneLanding(t)
  const late = await open(d, sdk, { files: { 'docs/late.md': 'late\n' } })
  // The content is pushed around the check, and only then approved.
  const pushed = d.fake.commit(sdk, 'main', {
    author: 'admin',
    by: 'admin',
    files: { 'docs/late.md': 'late\n' },
    bypass: true,
  })
  await d.settled()
  await approveAll(d, sdk, late.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  const view = await strangersView(t, d)
  const { exit, report } = await verify(view)
  assert.deepEqual(
    [exit, report.landings.map(({ commit, code }) => [commit, code]).slice(1)],
    [1, [[pushed, 'decided-after-landing']]],
  )
  // Silence about the push does not help: the verdict's own base holds it.
  const log = join(view.dir, 'silent')
  const trust = await writeLogFiles(d, log, ({ entries }) => {
    for (const [index, entry] of entries.entries())
      if (entry.type === 'finding') entries[index] = { ...entry, type: 'check-lowered' }
  })
  const silent = await verify({ ...view, log, trust })
  assert.equal(silent.report.landings[1]?.code, 'decided-after-landing')

  const before = git(view.clone, 'rev-parse', 'origin/main~2')
  const merged = git(view.clone, 'rev-parse', 'origin/main~1')
  git(view.clone, 'update-ref', 'refs/remotes/origin/main', before)
  const rolledBack = await verify(view)
  assert.deepEqual(
    [rolledBack.exit, rolledBack.report.problems.map(({ code, commit }) => [code, commit])],
    [
      1,
      [
        ['recorded-landing-missing', merged],
        // A verdict about a base that the branch never had.
        ['facts-contradict-git', late.headSha],
      ],
    ],
  )
  git(
    view.clone,
    'update-ref',
    'refs/remotes/origin/main',
    git(view.clone, 'commit-tree', '-m', 'x', `${before}^{tree}`),
  )
  const forced = await verify(view)
  assert.deepEqual([forced.exit, forced.report.problems[0]?.code], [1, 'forced-push'])
  assert.equal(pull.number > 0, true)
})

test('a clone without the approved heads leaves landings unknown, a shallow one is refused, a foreign log is not believed', async (t) => {
  const { d, pull } = await oneLanding(t)
  const view = await strangersView(t, d)
  const plain = join(view.dir, 'plain')
  const address = `file://${join(view.dir, 'forge.git')}`
  git(view.dir, 'clone', '-q', '--single-branch', '--branch', 'main', address, 'plain')
  const without = await verify({ ...view, clone: plain })
  assert.deepEqual([without.exit, landed(without.report)], [2, [[pull.number, 'head-not-in-clone', 1]]])
  assert.equal(without.report.outcome, 'unknown')

  git(view.dir, 'clone', '-q', '--depth', '1', address, 'shallow')
  const shallow = await verify({ ...view, clone: join(view.dir, 'shallow') })
  assert.deepEqual([shallow.exit, shallow.report.code], [2, 'clone-incomplete'])
  const other = await verify(view, 'acme/other')
  assert.deepEqual([other.exit, other.report.code], [2, 'not-enrolled'])
  const branch = await verify(view, sdk, '--branch', 'nowhere')
  assert.deepEqual([branch.exit, branch.report.code], [2, 'not-enrolled'])
  const stranger = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const trust = await writeLogFiles(stranger, join(view.dir, 'other-log'))
  const untrusted = await verify({ ...view, trust })
  assert.deepEqual([untrusted.exit, untrusted.report.code], [1, 'note-no-known-key'])

  // A log whose place lost the facts of a verdict proves nothing about its landing.
  const [entry] = await entriesOf(d, 'landing-matched', `${d.repositoryId(sdk)}@main`)
  const [row] = await d.store.log.entries(Number(entry?.verdict), Number(entry?.verdict) + 1)
  const facts = /"facts":"([0-9a-f]{64})"/.exec(new TextDecoder().decode(row?.bytes))?.[1]
  rmSync(join(view.log, 'blob', String(facts)))
  const lost = await verify(view)
  assert.deepEqual([lost.exit, landed(lost.report)], [2, [[null, 'record-missing', 1]]])
})

test('nothing of a hostile clone runs, is believed or is changed', async (t) => {
  const { d, pull } = await oneLanding(t)
  const view = await strangersView(t, d)
  const { clone } = view
  const trap = join(view.dir, 'trap')
  const command = `touch ${trap}; false`
  for (const [key, value] of [
    ['core.fsmonitor', command],
    ['core.sshCommand', command],
    ['core.pager', command],
    ['merge.evil.driver', command],
    ['remote.origin.promisor', 'true'],
    ['remote.origin.partialclonefilter', 'blob:none'],
    ['remote.origin.url', `ext::touch ${trap}`],
    ['protocol.ext.allow', 'always'],
  ] as const)
    git(clone, 'config', key, value)
  writeFileSync(join(clone, '.git/info/attributes'), '* merge=evil filter=evil diff=evil\n')
  const commit = git(clone, 'rev-parse', 'origin/main')
  const parent = git(clone, 'rev-parse', 'origin/main~1')
  const blob = git(clone, 'rev-parse', `${pull.headSha}:docs/more.md`)
  const honest = await verify(view)
  assert.deepEqual([honest.report.outcome, landed(honest.report)], ['consistent', [[pull.number, 'merge-tree', 1]]])
  // A replacement and a graft would hide the landing from git itself.
  writeFileSync(join(clone, '.git/info/grafts'), `${commit}\n`)
  mkdirSync(join(clone, '.git/refs/replace'), { recursive: true })
  writeFileSync(join(clone, `.git/refs/replace/${commit}`), `${parent}\n`)
  assert.equal((await verify(view)).report.outcome, 'consistent')
  const reader = openClone(clone, process.env.PATH ?? '')
  assert.equal(await reader.commit(asCommitId('f'.repeat(40))), null)
  await reader.close()
  assert.equal(existsSync(trap), false)

  // An object with other bytes than its id names: git reads it without a word.
  git(clone, 'config', '--unset', 'remote.origin.promisor')
  for (const pack of readdirSync(join(clone, '.git/objects/pack')).filter((name) => name.endsWith('.pack'))) {
    renameSync(join(clone, '.git/objects/pack', pack), join(view.dir, pack))
    execFileSync('git', ['unpack-objects', '-q'], { cwd: clone, input: readFileSync(join(view.dir, pack)) })
  }
  const path = join(clone, '.git/objects', blob.slice(0, 2), blob.slice(2))
  chmodSync(path, 0o644)
  writeFileSync(path, deflateSync(Buffer.from('blob 5\0evil\n')))
  const corrupt = await verify(view)
  // The trap is real: git, asked in the clone itself for an object that it lacks, runs what the clone says.
  git(clone, 'config', 'remote.origin.promisor', 'true')
  assert.throws(() => git(clone, 'cat-file', '-e', 'f'.repeat(40)))
  assert.equal(existsSync(trap), true)
  assert.deepEqual([corrupt.exit, corrupt.report.code], [1, 'clone-corrupt'])
})

test('T37 a landing on the governance repository is compared with the policy in force, and keys that were pushed are named', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: [] })
  const repository = 'acme/governance'
  const fives = 'config/maintainers/layer-5.yml'
  const textOf = (path: string) => d.fake.file(repository, 'main', path)?.text ?? ''
  const ratified = async (files: Readonly<Record<string, string>>) => {
    const { number } = await open(d, repository, { files })
    await approveAll(d, repository, number, [...d.of('layer-1-2').slice(0, 5), ...d.of('emergency').slice(0, 2)])
    assert.equal(await attest(d, repository, number, d.of('layer-1-2')[0] as never, 'rationale'), 'ok')
    await d.pass(days(90))
    return number
  }
  const merge = async (number: number, bypass = false) => {
    d.fake.mergePullRequest({ repo: repository, number }, 'admin', 'squash', { bypass })
    await d.settled()
  }
  const before = textOf(fives)
  const typo = await ratified({ 'README.md': 'typo\n' })
  await merge(typo)
  const policy = await ratified({ [fives]: `${before}\n# reviewed\n` })
  await merge(policy)
  const rider = await ratified({ 'README.md': 'another\n' })
  const [five, six] = d.of('layer-5')
  assert.ok(five && six)
  const reviewed = textOf(fives)
  const pushed = d.fake.commit(repository, 'main', {
    author: 'admin',
    by: 'admin',
    bypass: true,
    files: { [fives]: reviewed.replace(five.publicHex, `02${'5'.repeat(64)}`) },
  })
  await d.settled()
  await merge(rider, true)
  const restored = await ratified({ [fives]: reviewed })
  await merge(restored)
  const view = await strangersView(t, d, repository)
  const { exit, report } = await verify(view, repository)
  assert.deepEqual(
    [exit, landed(report)],
    [
      1,
      [
        [typo, 'merge-tree', 1],
        [policy, 'merge-tree', 1],
        [null, 'unmatched-landing', 1],
        [rider, 'merged-without-pass', 1],
        [restored, 'merge-tree', 1],
      ],
    ],
  )
  assert.equal(report.landings[2]?.commit, pushed)
  assert.deepEqual(report.problems, [])

  // An operator who says that the pushed keys were in force hides them from the difference that was approved.
  const log = join(view.dir, 'lie')
  const trust = await writeLogFiles(d, log, (content) =>
    lie(content, restored, ({ governance, files }) => ({
      governance: governance && { ...governance, inForceCommit: asCommitId(pushed) },
      files,
    })),
  )
  const lied = await verify({ ...view, log, trust }, repository)
  const fields = lied.report.landings.at(-1)?.contradictions.map(({ field }) => field) ?? []
  assert.ok(fields.includes('governance.inForceCommit'), fields.join())
})

test('T48 a tree that passed over an older base is bad where it takes back what landed in between', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const [first, second] = [
    await passed(d, { files: { 'docs/first.md': '1\n' } }),
    await passed(d, { files: { 'docs/second.md': '2\n' } }),
  ]
  await d.pass(days(14))
  d.fake.deliveryFaults.hold()
  await press(d, first, 'squash')
  const reverting = d.fake.commit(sdk, 'main', {
    author: 'admin',
    by: 'admin',
    bypass: true,
    files: { 'docs/first.md': null, 'docs/second.md': '2\n' },
  })
  await d.fake.deliveryFaults.release()
  await d.settled()
  const { exit, report } = await verify(await strangersView(t, d))
  assert.deepEqual(
    [exit, report.landings.map(({ commit, number, code, how }) => [commit === reverting, number, code ?? how])],
    [
      1,
      [
        [false, first.number, 'merge-tree'],
        [true, null, 'unmatched-landing'],
      ],
    ],
  )
  assert.equal(second.number > first.number, true)
})
