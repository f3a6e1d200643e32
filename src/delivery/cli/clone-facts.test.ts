import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { asCommitId, asTreeId, changeDigest, type Facts } from '../../core/index.ts'
import { facts } from '../../../test/fakes/governed-change.ts'
import { checkFactsAgainstClone, contradictionsInClone } from './clone-facts.ts'
import { openClone } from './git-reader.ts'
import { Refusal } from './refusal.ts'

const options = { isPolicyPath: null, searchPath: process.env.PATH ?? '' }

/** A repository with a base and a change beside it, made by git, and the facts that are true of them. */
async function makeClone(t: TestContext, format: 'sha1' | 'sha256') {
  const dir = mkdtempSync(join(tmpdir(), 'governance-clone-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const env = { ...process.env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' }
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@x', ...args], {
      cwd: dir,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  git('init', '-q', '-b', 'main', `--object-format=${format}`)
  put('a.md', '1\n')
  put('über/ﬀ', 'x\n')
  git('add', '.')
  git('commit', '-qm', 'base')
  const base = git('rev-parse', 'HEAD')
  git('checkout', '-qb', 'change')
  put('a.md', '2\n')
  chmodSync(join(dir, 'über/ﬀ'), 0o755)
  put('😀.md', 'new\n')
  git('add', '.')
  git('commit', '-qm', 'change')
  const head = git('rev-parse', 'HEAD')
  const tree = asTreeId(git('rev-parse', 'HEAD^{tree}'))
  git('checkout', '-q', 'main')
  const reader = openClone(dir, options.searchPath)
  const files = (await reader.diff(asCommitId(base), asCommitId(head))) ?? []
  await reader.close()
  const [own] = facts().commits
  assert.ok(own)
  const recorded: Facts = facts({
    files,
    head: { sha: asCommitId(head), tree },
    base: { ref: 'main', sha: asCommitId(base) },
    mergeBase: asCommitId(base),
    merge: { state: 'clean', tree },
    commits: [{ ...own, sha: asCommitId(head) }],
  })
  return { dir, git, recorded }
}

for (const format of ['sha1', 'sha256'] as const)
  test(`T49 facts are recomputed from a ${format} clone, loose or packed, from a working tree, a second one and a bare clone`, async (t) => {
    const { dir, git, recorded } = await makeClone(t, format)
    assert.deepEqual(
      recorded.files.map(({ newPath }) => newPath),
      ['a.md', 'über/ﬀ', '😀.md'].sort(),
    )
    assert.equal(changeDigest(recorded.files), recorded.changeDigest)
    git('worktree', 'add', '-q', join(dir, 'second'), 'change')
    git('clone', '-q', '--bare', dir, join(dir, 'bare'))
    const places = [dir, join(dir, 'second'), join(dir, 'bare')]
    for (const packed of [false, true]) {
      if (packed) git('gc', '-q')
      for (const place of places) {
        const check = await checkFactsAgainstClone(place, recorded, recorded.files, options)
        assert.deepEqual([check.outcome, check.contradictions], ['pass', []], place)
      }
    }
    const [, ...hidden] = recorded.files
    const lied = await contradictionsInClone(dir, { ...recorded, files: hidden }, options)
    assert.deepEqual(
      lied.map(({ code }) => code),
      ['facts-contradict-git'],
    )
    assert.match(lied[0]?.detail ?? '', /^files\[a\.md\]: recorded unchanged/)
  })

test('what the clone lacks is skipped, never passed; a base that is on no branch is a contradiction', async (t) => {
  const { dir, git, recorded } = await makeClone(t, 'sha1')
  const elsewhere = { ...recorded, head: { ...recorded.head, sha: asCommitId('f'.repeat(40)) } }
  const skipped = await checkFactsAgainstClone(dir, elsewhere, elsewhere.files, options)
  assert.deepEqual([skipped.outcome, skipped.missing], ['skipped', elsewhere.head.sha])
  await assert.rejects(contradictionsInClone(dir, elsewhere, options), (error) => {
    assert.ok(error instanceof Refusal)
    return error.code === 'clone-incomplete'
  })
  const side = git('commit-tree', '-p', recorded.base.sha, '-m', 'side', `${recorded.base.sha}^{tree}`)
  const moved = { ...recorded, base: { ...recorded.base, sha: asCommitId(side) } }
  const check = await checkFactsAgainstClone(dir, moved, moved.files, options)
  assert.deepEqual(
    check.contradictions.map(({ field }) => field),
    ['base.sha'],
  )
  git('branch', '-m', 'main', 'other')
  const unnamed = await checkFactsAgainstClone(dir, recorded, recorded.files, options)
  assert.deepEqual([unnamed.outcome, unnamed.notCheckable.includes('base')], ['pass', true])
})

test('what is no clone is refused by name, and a ref cannot lead out of it', async (t) => {
  const { dir } = await makeClone(t, 'sha1')
  const empty = mkdtempSync(join(tmpdir(), 'governance-clone-'))
  t.after(() => rmSync(empty, { recursive: true, force: true }))
  for (const place of [empty, join(empty, 'nowhere')])
    assert.throws(
      () => openClone(place, options.searchPath),
      (error) => error instanceof Refusal && error.code === 'no-clone',
    )
  const reader = openClone(dir, options.searchPath)
  t.after(() => reader.close())
  writeFileSync(join(dir, '.git', 'outside'), `${'a'.repeat(40)}\n`)
  for (const ref of ['../../outside', '..', '', 'main/', 'nowhere', 'main\0'])
    assert.equal(await reader.branchTip(ref), null)
  const tip = await reader.branchTip('main')
  assert.ok(tip)
  assert.equal((await reader.commit(tip))?.authorEmail, 'a@x')
  const tree = (await reader.commit(tip))?.tree
  assert.ok(tree)
  await assert.rejects(
    reader.commit(asCommitId(tree)),
    (error) => error instanceof Refusal && error.code === 'clone-corrupt',
  )
  assert.equal(await reader.diff(tip, asCommitId('f'.repeat(40))), null)
  assert.equal(await reader.firstParents(asCommitId('f'.repeat(40))), null)
})
