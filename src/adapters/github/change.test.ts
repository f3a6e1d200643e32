import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { AppError } from '../../flows/app-error.ts'
import { startStage, type Stage } from '../../../test/fakes/github-stage.ts'

async function openedStage(t: TestContext, options: Parameters<typeof startStage>[1] = {}) {
  const stage = await startStage(t, options)
  const { fake } = stage
  fake.commit('acme/node', 'topic', {
    files: { 'src/a.ts': 'changed\n', 'new.ts': 'n\n' },
    author: 'alice',
    from: 'main',
  })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'T', body: 'B' })
  return { ...stage, number }
}

const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run
    return 'resolved'
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
}

const reads = (stage: Stage) => stage.counted().length

test('a new head of an ordinary change is read whole in six requests, a known one in one', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  const first = await github.reader.change(repository, number, null)
  assert.ok(reads(stage) <= 6)
  const main = fake.branch('acme/node', 'main')
  const head = fake.branch('acme/node', 'topic')
  assert.equal(first.head.sha, head)
  assert.deepEqual(first.base, { ref: 'main', sha: main })
  assert.equal(first.mergeBase, main)
  assert.deepEqual(
    first.files.map((file) => [file.oldPath, file.newPath, file.oldMode, file.newMode]),
    [
      [null, 'new.ts', null, '100644'],
      ['src/a.ts', 'src/a.ts', '100644', '100644'],
    ],
  )
  assert.equal(first.files[1]?.newBlob, fake.file('acme/node', 'topic', 'src/a.ts')?.id)
  assert.equal(first.files[1]?.oldBlob, fake.file('acme/node', 'main', 'src/a.ts')?.id)
  // Head descends from base, so the test merge is the head's own tree.
  assert.deepEqual(first.merge, { state: 'clean', tree: first.head.tree })
  assert.equal(first.title, 'T')
  assert.equal(first.state, 'open')
  assert.equal(first.forgeDate, stage.clock.at)

  const again = await github.reader.change(repository, number, first)
  assert.equal(reads(stage), 1)
  assert.deepEqual(again, first)

  fake.editPullRequest({ repo: 'acme/node', number }, { title: 'U' }, 'alice')
  const renamed = await github.reader.change(repository, number, first)
  assert.equal(reads(stage), 1)
  assert.deepEqual(renamed, { ...first, title: 'U' })
})

test('mergeable unknown at first: told as unknown, then settled in two more requests', async (t) => {
  const stage = await openedStage(t, { settings: { mergeableReads: 1 } })
  const { github, repository, number } = stage
  const first = await github.reader.change(repository, number, null)
  assert.ok(reads(stage) <= 5)
  assert.deepEqual([first.merge, first.mergeCommit], [{ state: 'unknown' }, null])
  const second = await github.reader.change(repository, number, first)
  assert.equal(reads(stage), 2)
  assert.deepEqual(second.merge, { state: 'clean', tree: first.head.tree })
})

test('a moved base is read by its present tip, and a stale test merge is no merge', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  const first = await github.reader.change(repository, number, null)
  reads(stage)
  fake.commit('acme/node', 'main', { files: { 'other.ts': 'o\n' }, author: 'bob' })
  const second = await github.reader.change(repository, number, first)
  assert.ok(reads(stage) <= 3)
  assert.equal(second.base.sha, fake.branch('acme/node', 'main'))
  assert.equal(second.mergeBase, first.mergeBase)
  assert.deepEqual(second.files, first.files)
  assert.equal(second.merge.state, 'clean')
  assert.notDeepEqual(second.merge, first.merge)
  assert.deepEqual(await github.reader.change(repository, number, null), second)
  assert.ok(reads(stage) <= 6)

  fake.settings.mergeableReads = 5
  fake.commit('acme/node', 'main', { files: { 'src/a.ts': 'conflicting\n' }, author: 'bob' })
  const stale = await github.reader.change(repository, number, second)
  assert.deepEqual([stale.merge, stale.mergeCommit], [{ state: 'unknown' }, null])
  assert.equal(stale.base.sha, fake.branch('acme/node', 'main'))
  for (let round = 0; round < 6; round++) await github.reader.change(repository, number, null)
  const conflict = await github.reader.change(repository, number, stale)
  assert.deepEqual(conflict.merge, { state: 'conflict' })
})

test('T10 a new head is never taken from what was known', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  const first = await github.reader.change(repository, number, null)
  const sha = fake.pushToPullRequest({ repo: 'acme/node', number }, { files: { 'evil.ts': 'x\n' }, author: 'alice' })
  const second = await github.reader.change(repository, number, first)
  assert.equal(second.head.sha, sha)
  assert.deepEqual(
    second.files.map((file) => file.newPath),
    ['evil.ts', 'new.ts', 'src/a.ts'],
  )
  assert.equal(second.commits.length, 2)
})

test('T11 a retargeted change is read against its new base', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  const first = await github.reader.change(repository, number, null)
  fake.commit('acme/node', 'lax', { files: { 'lax.ts': 'l\n' }, author: 'bob', from: 'main' })
  fake.retargetPullRequest({ repo: 'acme/node', number }, 'lax', 'alice')
  const second = await github.reader.change(repository, number, first)
  assert.deepEqual(second.base, { ref: 'lax', sha: fake.branch('acme/node', 'lax') })
})

test('T21 a rename shows both names and a mode change is a change', async (t) => {
  const stage = await startStage(t)
  const { fake, github, repository } = stage
  fake.commit('acme/node', 'topic', {
    files: { 'src/a.ts': null, 'docs/a.ts': 'a\n', 'src/deep/b.ts': { content: 'b\n', mode: '100755' } },
    author: 'alice',
    from: 'main',
  })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'docs: typo' })
  const { files } = await github.reader.change(repository, number, null)
  assert.deepEqual(
    files.map((file) => [file.oldPath, file.newPath, file.newMode]),
    [
      [null, 'docs/a.ts', '100644'],
      ['src/a.ts', null, null],
      ['src/deep/b.ts', 'src/deep/b.ts', '100755'],
    ],
  )
})

test('T27 3,500 changed files are all read', async (t) => {
  const stage = await startStage(t)
  const { fake, github, repository } = stage
  const files = Object.fromEntries(Array.from({ length: 3500 }, (_, at) => [`many/${at % 50}/${at}.txt`, `${at}\n`]))
  fake.commit('acme/node', 'topic', { files, author: 'alice', from: 'main' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'many' })
  const change = await github.reader.change(repository, number, null)
  assert.equal(change.files.length, 3500)
  assert.ok(reads(stage) <= 6)
})

test('T27 more commits than the forge lists is an error, never a part, with and without GraphQL', async (t) => {
  const stage = await startStage(t)
  const { fake, github, repository } = stage
  for (let at = 0; at < 250; at++) {
    fake.commit('acme/node', 'topic', { files: { 'a.txt': `${at}` }, author: 'alice', from: 'main' })
  }
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'long' })
  assert.equal((await github.reader.change(repository, number, null)).commits.length, 250)
  fake.settings.graphql = false
  assert.equal((await github.reader.change(repository, number, null)).commits.length, 250)
  for (let at = 0; at < 50; at++) fake.commit('acme/node', 'topic', { files: { 'a.txt': `b${at}` }, author: 'alice' })
  assert.equal(await codeOf(github.reader.change(repository, number, null)), 'forge-incomplete')
  fake.settings.graphql = true
  assert.equal(await codeOf(stage.connect().reader.change(repository, number, null)), 'forge-incomplete')
})

test('T27 a truncated tree is walked where it differs', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`d${at % 30}/f${at}.txt`, `${at}\n`]))
  const stage = await startStage(t, { files, settings: { treeLimit: 100 } })
  const { fake, github, repository } = stage
  const edits = { 'd29/f299.txt': 'x\n', 'd3/sub/new.txt': 'y\n', 'd7/f7.txt': null }
  fake.commit('acme/node', 'topic', { files: edits, author: 'alice', from: 'main' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'walk' })
  const change = await github.reader.change(repository, number, null)
  assert.deepEqual(
    change.files.map((file) => file.newPath ?? `-${file.oldPath}`),
    ['d29/f299.txt', 'd3/sub/new.txt', '-d7/f7.txt'],
  )
  assert.ok(reads(stage) <= 20, 'only differing directories are walked')
  const all = await github.reader.files(repository, change.head.sha, (path) => path.endsWith('.txt'))
  assert.equal(all.size, 300)
})

test('T17 authors, committers and co-authors are attributed on their grounds', async (t) => {
  const stage = await startStage(t)
  const { fake, github, repository } = stage
  const bob = fake.createUser('bobby', { emails: ['bob@work.test'] }).id
  const id = (login: string) => fake.createUser(`${login}2`).id
  const dave = id('dave')
  const commit = (input: Parameters<typeof fake.commit>[2]) =>
    fake.commit('acme/node', 'topic', {
      files: { 'x.txt': String(Math.random()) },
      from: 'main',
      by: 'alice',
      ...input,
    })
  commit({ author: 'alice', signed: true })
  commit({ author: 'bobby', committer: 'alice', signed: { verified: true, signer: 'alice' } })
  commit({
    author: { name: 'N', email: 'nobody@nowhere.test' },
    message: `x\n\nCo-authored-by: D <${dave}+d@users.noreply.github.com>\nco-authored-by: Who <who@nowhere.test>\n`,
  })
  commit({
    author: 'alice',
    committer: { name: 'GitHub', email: 'noreply@github.com' },
    signed: { verified: true, signer: 'web-flow' },
  })
  commit({ author: 'alice', committer: { name: 'GitHub', email: 'noreply@github.com' } })
  commit({ author: 'alice', signed: { verified: false, signer: 'alice' } })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'who' })
  const change = await github.reader.change(repository, number, null)
  const alice = change.opener.id
  const seen = change.commits.map(({ author, committer, coAuthors }) => ({ author, committer, coAuthors }))
  const by = (account: number | null, how: string) => ({ account, how })
  const none = by(null, 'none')
  assert.deepEqual(seen, [
    { author: by(alice, 'signature'), committer: by(alice, 'signature'), coAuthors: [] },
    { author: by(bob, 'email'), committer: by(alice, 'signature'), coAuthors: [] },
    { author: none, committer: none, coAuthors: [by(dave, 'trailer'), none] },
    { author: by(alice, 'email'), committer: by(null, 'forge'), coAuthors: [] },
    { author: by(alice, 'email'), committer: none, coAuthors: [] },
    { author: by(alice, 'email'), committer: by(alice, 'email'), coAuthors: [] },
  ])

  fake.settings.graphql = false
  const rest = stage.connect()
  stage.counted()
  const without = await rest.reader.change(repository, number, null)
  assert.ok(reads(stage) <= 7, 'one lost request finds out that GraphQL is missing')
  const weaker = (one: { account: number | null; how: string }) =>
    one.how === 'signature' ? { ...one, how: 'email' } : one
  assert.deepEqual(
    without.commits.map(({ author, committer, coAuthors }) => ({ author, committer, coAuthors })),
    seen.map(({ author, committer, coAuthors }) => ({
      author: weaker(author),
      committer: weaker(committer),
      coAuthors,
    })),
  )
  await rest.reader.change(repository, number, null)
  assert.ok(reads(stage) <= 6, 'and it is not asked again')
})

test('T18 a renamed account keeps its number, and its old name is another person', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  const before = await github.reader.change(repository, number, null)
  fake.renameUser('alice', 'alicia')
  const thief = fake.createUser('alice', { emails: ['thief@x.test'] })
  const after = await github.reader.change(repository, number, null)
  assert.equal(after.opener.id, before.opener.id)
  assert.equal(after.opener.login, 'alicia')
  assert.deepEqual(after.commits, before.commits)
  assert.equal((await github.admin.account('alice'))?.id, thief.id)
})

test('T18 a renamed and a transferred repository are the same one, by number', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  await github.reader.change(repository, number, null)
  fake.renameRepository('acme/node', 'core')
  // Somebody else takes the old name.
  fake.createRepository('acme', 'node', { files: { 'evil.txt': 'x' } })
  const after = await github.reader.change(repository, number, null)
  assert.deepEqual(after.repository, { id: repository.id, name: 'acme/core', private: false })
  assert.equal(after.commits.length, 1)
  fake.createUser('newowner', { type: 'Organization' })
  fake.transferRepository('acme/core', 'newowner')
  const moved = await stage
    .connect()
    .admin.resolve('acme/core')
    .catch((error: AppError) => error.code)
  assert.equal(moved, 'forge-not-found', 'the App is not installed at the new owner')
})

test('merged and closed changes say so and have no test merge', async (t) => {
  const stage = await openedStage(t)
  const { fake, github, repository, number } = stage
  const first = await github.reader.change(repository, number, null)
  fake.closePullRequest({ repo: 'acme/node', number }, 'alice')
  const closed = await github.reader.change(repository, number, first)
  assert.deepEqual([closed.state, closed.merge.state, closed.mergeCommit], ['closed', 'unknown', null])
  fake.reopenPullRequest({ repo: 'acme/node', number }, 'alice')
  const sha = fake.mergePullRequest({ repo: 'acme/node', number }, 'acme')
  const merged = await github.reader.change(repository, number, null)
  assert.deepEqual([merged.state, merged.mergeCommit], ['merged', sha])
  assert.equal(merged.files.length, 2)
})

test('a pull request from a fork is read like any other', async (t) => {
  const stage = await startStage(t)
  const { fake, github, repository } = stage
  fake.forkRepository('acme/node', 'carol')
  fake.commit('carol/node', 'topic', { files: { 'f.txt': 'f' }, author: 'carol', from: 'main' })
  const { number } = fake.openPullRequest({
    repo: 'acme/node',
    head: 'topic',
    author: 'carol',
    title: 'f',
    fromFork: 'carol',
  })
  const change = await github.reader.change(repository, number, null)
  assert.deepEqual(
    change.files.map((file) => file.newPath),
    ['f.txt'],
  )
  assert.ok(reads(stage) <= 6)
})
