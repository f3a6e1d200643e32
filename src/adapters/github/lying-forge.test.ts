/** The stand-in behind a proxy that changes its answers: what the adapter does not believe. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startStage } from '../../../test/fakes/github-stage.ts'
import type { CommitId } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'

type Loose = Record<string, unknown>
type Lie = (path: string, answer: Loose) => unknown

async function lyingStage(t: TestContext) {
  const stage = await startStage(t)
  const { fake, connect } = stage
  let lie: Lie = (_, answer) => answer
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      void (async () => {
        const { authorization = '', 'user-agent': agent = '' } = request.headers
        const answer = await fetch(fake.url + (request.url ?? ''), {
          method: request.method ?? 'GET',
          headers: { authorization, 'user-agent': agent },
          body: chunks.length === 0 ? null : Buffer.concat(chunks),
        })
        const changed = lie(request.url ?? '', (await answer.json()) as Loose)
        response.writeHead(answer.status, { date: answer.headers.get('date') ?? '' }).end(JSON.stringify(changed))
      })()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  fake.commit('acme/node', 'topic', { files: { 'new.ts': 'n\n' }, author: 'alice', from: 'main' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'T' })
  const github = connect({ apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  return {
    ...stage,
    github,
    number,
    tell(next: Lie) {
      lie = next
    },
  }
}

const refused = async (run: Promise<unknown>): Promise<AppError> => {
  try {
    await run
  } catch (error) {
    assert.ok(error instanceof AppError, String(error))
    return error
  }
  throw new Error('it resolved')
}
const isPull = (path: string) => /\/pulls\/\d+$/.test(path)

test('T25 a test merge into an older base, or of another head, is no merge', async (t) => {
  const { fake, github, repository, number, tell } = await lyingStage(t)
  const first = await github.reader.change(repository, number, null)
  assert.equal(first.merge.state, 'clean')
  const old = first.mergeCommit
  fake.commit('acme/node', 'main', { files: { 'other.ts': 'o\n' }, author: 'bob' })
  tell((path, answer) => (isPull(path) ? { ...answer, mergeable: true, merge_commit_sha: old } : answer))
  const stale = await github.reader.change(repository, number, null)
  assert.deepEqual([stale.merge, stale.mergeCommit], [{ state: 'unknown' }, null])
  assert.equal(stale.base.sha, fake.branch('acme/node', 'main'))
  const head = fake.branch('acme/node', 'topic')
  tell((path, answer) => (isPull(path) ? { ...answer, mergeable: true, merge_commit_sha: head } : answer))
  assert.deepEqual((await github.reader.change(repository, number, null)).merge, { state: 'unknown' })
  fake.commit('acme/node', 'sneaky', { files: { 'sneaky.ts': 's' }, author: 'bob', from: 'main' })
  const other = fake.openPullRequest({ repo: 'acme/node', head: 'sneaky', author: 'bob', title: 'S' })
  tell((_, answer) => answer)
  const sneaky = await github.reader.change(repository, other.number, null)
  assert.equal(sneaky.merge.state, 'clean')
  tell((path, answer) => (isPull(path) ? { ...answer, mergeable: true, merge_commit_sha: sneaky.mergeCommit } : answer))
  assert.deepEqual((await github.reader.change(repository, number, null)).merge, { state: 'unknown' })
})

test('T27 a commit list that is shorter than its count is an error, by GraphQL and by REST', async (t) => {
  const { fake, github, repository, number, tell } = await lyingStage(t)
  for (const graphql of [true, false]) {
    fake.settings.graphql = graphql
    tell((path, answer) => (isPull(path) ? { ...answer, commits: 2 } : answer))
    assert.equal((await refused(github.reader.change(repository, number, null))).code, 'forge-incomplete')
    tell((path, answer) => (path.includes('/compare/') ? { ...answer, total_commits: 2 } : answer))
    assert.equal((await refused(github.reader.change(repository, number, null))).code, 'forge-incomplete')
  }
})

test('T27 check runs that end before their own count are an error', async (t) => {
  const { fake, github, repository, appId, tell } = await lyingStage(t)
  const head = fake.branch('acme/node', 'topic') as CommitId
  fake.createCheckRun('acme/node', appId, { name: 'n', head_sha: head, conclusion: 'success' })
  tell((_, answer) => ('total_count' in answer ? { ...answer, total_count: 2 } : answer))
  assert.equal((await refused(github.reader.checkRuns(repository, head))).code, 'forge-incomplete')
  tell((_, answer) =>
    'check_runs' in answer
      ? { ...answer, check_runs: (answer.check_runs as Loose[]).map((run) => ({ ...run, app: { id: 9 } })) }
      : answer,
  )
  assert.deepEqual(await github.checks.list(repository, head, 'n'), [], 'a run of another App is never ours')
})

test('T21 names that are not UTF-8, and two names that look alike, are an error and never one file', async (t) => {
  const { github, repository, number, tell } = await lyingStage(t)
  const rename = (name: string, to: string) => (path: string, answer: Loose) =>
    path.includes('/git/trees/')
      ? { ...answer, tree: (answer.tree as Loose[]).map((one) => (one.path === name ? { ...one, path: to } : one)) }
      : answer
  tell(rename('new.ts', 'n\ufffd.ts'))
  assert.equal((await refused(github.reader.change(repository, number, null))).data.reason, 'path-not-utf8')
  tell(rename('new.ts', 'README.md'))
  assert.equal((await refused(github.reader.change(repository, number, null))).data.reason, 'path-twice')
})

test('T18 a pull request or commits of another repository are refused, whatever the name', async (t) => {
  const { github, repository, number, tell } = await lyingStage(t)
  const honest = await github.reader.change(repository, number, null)
  tell((path, answer) => {
    const base = answer.base as Loose
    return isPull(path) ? { ...answer, base: { ...base, repo: { ...(base.repo as Loose), id: 999 } } } : answer
  })
  assert.equal((await refused(github.reader.change(repository, number, null))).data.field, 'base.repo.id')
  let asked = 0
  tell((path, answer) => {
    if (path !== '/graphql') return answer
    asked++
    const text = JSON.stringify(answer)
    const changed = text.replaceAll(`"databaseId":${honest.opener.id}`, '"databaseId":31337')
    assert.notEqual(changed, text)
    return JSON.parse(changed.replace(`"databaseId":${repository.id}`, '"databaseId":999')) as Loose
  })
  assert.deepEqual((await github.reader.change(repository, number, null)).commits, honest.commits)
  assert.equal(asked, 1, 'commits came from REST, which is asked by number')
})

test('T09 a head that moves while it is read is read anew, and not for ever', async (t) => {
  const { github, repository, number, tell } = await lyingStage(t)
  let left = 1
  tell((path, answer) => {
    if (path !== '/graphql' || left-- <= 0) return answer
    const data = answer.data as { repository: { pullRequest: Loose } }
    return {
      data: {
        repository: { ...data.repository, pullRequest: { ...data.repository.pullRequest, headRefOid: 'a'.repeat(40) } },
      },
    }
  })
  assert.equal((await github.reader.change(repository, number, null)).files.length, 1)
  left = 99
  assert.equal((await refused(github.reader.change(repository, number, null))).code, 'forge-unavailable')
})

test('T25 a tag that bears the name of the base branch does not move the base', async (t) => {
  const { fake, github, repository, number, tell, counted } = await lyingStage(t)
  const honest = await github.reader.change(repository, number, null)
  const tagged = fake.commit('acme/node', 'evil', { files: { 'evil.ts': 'e' }, author: 'bob', from: 'topic' })
  fake.commit('acme/node', 'main', { files: { 'm.ts': 'm' }, author: 'bob' })
  const main = fake.branch('acme/node', 'main')
  counted()
  tell((path, answer) => {
    if (!path.includes('/compare/main...')) return answer
    const start = answer.base_commit as Loose
    return {
      ...answer,
      base_commit: { ...start, sha: tagged },
      merge_base_commit: { ...start, sha: tagged },
      total_commits: 0,
    }
  })
  const change = await github.reader.change(repository, number, null)
  assert.deepEqual([change.base.sha, change.mergeBase], [main, honest.mergeBase])
  assert.deepEqual(change.files, honest.files)
  assert.equal(change.merge.state, 'clean')
  assert.equal(counted().length, 8)
})

test('an answer that lacks what it promises names the field', async (t) => {
  const { github, repository, number, tell } = await lyingStage(t)
  const without = (key: string) => (path: string, answer: Loose) => {
    const { [key]: _gone, ...rest } = answer
    return isPull(path) ? rest : answer
  }
  for (const key of ['state', 'number', 'head', 'commits', 'title']) {
    tell(without(key))
    const error = await refused(github.reader.change(repository, number, null))
    assert.deepEqual([error.code, error.data.field], ['forge-incomplete', key])
  }
})

test('a change that is merged while it is read is read again, and is never open without a test merge', async (t) => {
  const { fake, github, repository, tell } = await lyingStage(t)
  for (const head of ['new', 'known']) {
    fake.commit('acme/node', head, { files: { [`${head}.ts`]: 'n\n' }, author: 'alice', from: 'main' })
    const place = { repo: 'acme/node', number: 0 }
    place.number = fake.openPullRequest({ repo: 'acme/node', head, author: 'alice', title: 'T' }).number
    const known = head === 'new' ? null : await github.reader.change(repository, place.number, null)
    // The test merge that is known is one into an older base: it has to be looked at again.
    if (known !== null) fake.commit('acme/node', 'main', { files: { 'other.ts': 'o\n' }, author: 'bob' })
    let merged: string | null = null
    tell((path, answer) => {
      if (isPull(path)) merged ??= fake.mergePullRequest(place, 'acme', 'squash')
      return answer
    })
    const change = await github.reader.change(repository, place.number, known)
    tell((_, answer) => answer)
    assert.deepEqual([change.state, change.mergeCommit], ['merged', merged])
  }
})
