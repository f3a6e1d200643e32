import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RuleViolation } from './rulesets.ts'
import { startScene } from './scene.ts'
import type { Json } from './world.ts'

const repo = 'acme/node'

test('mergeable is unknown at first, then the test merge is there; a moved base starts over', async (t) => {
  const scene = await startScene({ settings: { mergeableReads: 2 } })
  const { github, call } = scene
  const auth = await scene.token()
  t.after(() => scene.close())
  github.commit(repo, 'topic', { author: 'bob', files: { t: '1' } })
  const { number } = github.openPullRequest({ repo, head: 'topic', author: 'bob', title: 'T' })
  const read = async () =>
    (await call('GET', `/repos/${repo}/pulls/${number}`, { auth })).json as {
      mergeable: boolean | null
      merge_commit_sha: string | null
      changed_files: number
      commits: number
      base: { sha: string }
    }
  assert.deepEqual([(await read()).mergeable, (await read()).mergeable, (await read()).mergeable], [null, null, true])
  const known = await read()
  const merge = (await call('GET', `/repos/${repo}/git/commits/${known.merge_commit_sha}`, { auth })).json as {
    parents: { sha: string }[]
  }
  assert.deepEqual(
    merge.parents.map((parent) => parent.sha),
    [github.branch(repo, 'main'), github.branch(repo, 'topic')],
  )
  assert.deepEqual([known.changed_files, known.commits], [1, 1])
  github.commit(repo, 'main', { author: 'alice', files: { t: 'other' } })
  assert.equal((await read()).mergeable, null)
  scene.clock.advance(20_000)
  const after = await read()
  assert.deepEqual([after.mergeable, after.base.sha], [false, known.base.sha])
})

for (const method of ['merge', 'squash', 'rebase'] as const) {
  test(`${method}: the required check of the named App opens the button, the landing has its shape`, async (t) => {
    const scene = await startScene()
    const { github, hooks, appId } = scene
    const { appId: otherApp } = github.createApp({ name: 'Actions' })
    t.after(() => scene.close())
    github.createRuleset(repo, {
      name: 'gate',
      include: ['~DEFAULT_BRANCH'],
      rules: [
        { type: 'pull_request' },
        { type: 'non_fast_forward' },
        {
          type: 'required_status_checks',
          parameters: { required_status_checks: [{ context: 'governance/main', integration_id: appId }] },
        },
      ],
    })
    const base = github.branch(repo, 'main')
    github.commit(repo, 'topic', { author: 'bob', files: { a: '1' }, message: 'first' })
    github.commit(repo, 'topic', { author: 'bob', files: { b: '2' }, message: 'second' })
    const pull = { repo, number: github.openPullRequest({ repo, head: 'topic', author: 'bob', title: 'Topic' }).number }
    const head = github.branch(repo, 'topic')
    github.createCheckRun(repo, otherApp, { name: 'governance/main', head_sha: head, conclusion: 'success' })
    assert.throws(() => github.mergePullRequest(pull, 'alice', method), RuleViolation)
    const id = github.createCheckRun(repo, appId, { name: 'governance/main', head_sha: head, conclusion: 'failure' })
    assert.match(github.mergeProblems(pull, 'alice').join(), /failing/)
    github.updateCheckRun(repo, appId, id, { conclusion: 'success' })
    assert.match(github.mergeProblems(pull, 'mallory').join(), /not authorized/)
    const tip = github.mergePullRequest(pull, 'alice', method)
    await github.settled()
    const auth = await scene.token()
    const { json } = await scene.call('GET', `/repos/${repo}/compare/${base}...main`, { auth })
    const commits = (json as { commits: { sha: string; parents: Json[]; committer: { login: string } | null }[] })
      .commits
    assert.equal(commits.at(-1)?.sha, tip)
    assert.deepEqual(
      commits.map((commit) => commit.parents.length),
      { merge: [1, 1, 2], squash: [1], rebase: [1, 1] }[method],
    )
    assert.equal(commits.at(-1)?.committer?.login, method === 'rebase' ? 'alice' : 'web-flow')
    const closed = hooks.find((hook) => hook.event === 'pull_request' && hook.action === 'closed')?.payload
      .pull_request as { merged: boolean; merge_commit_sha: string }
    assert.deepEqual([closed.merged, closed.merge_commit_sha], [true, tip])
    assert.equal(github.file(repo, 'main', 'b')?.text, '2')
  })
}

test('pushes: a fork carries no check_run pull requests, a force push synchronizes, a landed head counts as merged', async (t) => {
  const scene = await startScene()
  const { github, hooks, appId } = scene
  github.forkRepository(repo, 'mallory')
  t.after(() => scene.close())
  github.commit('mallory/node', 'evil', { author: 'mallory', files: { e: '1' } })
  const pull = {
    repo,
    number: github.openPullRequest({ repo, head: 'evil', author: 'mallory', title: 'E', fromFork: 'mallory' }).number,
  }
  const before = github.pullRequest(pull).headSha
  github.createCheckRun(repo, appId, { name: 'n', head_sha: before })
  const other = github.makeCommit('mallory/node', 'main', { author: 'mallory', files: { f: '2' } })
  github.forcePushPullRequest(pull, other, 'mallory')
  await github.settled()
  const run = hooks.find((hook) => hook.event === 'check_run')?.payload.check_run as { pull_requests: Json[] }
  assert.deepEqual(run.pull_requests, [])
  const sync = hooks.find((hook) => hook.action === 'synchronize')?.payload
  assert.deepEqual([sync?.before, sync?.after], [before, other])
  github.push(repo, 'main', other, { by: 'alice' })
  assert.deepEqual([github.pullRequest(pull).merged, github.pullRequest(pull).mergeCommitSha], [true, other])
  const tip = github.makeCommit(repo, `${other}`, { author: 'alice', files: { g: '1' }, parents: [] })
  assert.throws(() => github.push(repo, 'main', tip, { by: 'alice' }), /non-fast-forward/)
  github.push(repo, 'main', tip, { by: 'alice', force: true })
  await github.settled()
  assert.equal(hooks.findLast((hook) => hook.event === 'push')?.payload.forced, true)
})

test('lists and comparisons show renames with both names, authors by e-mail, co-authors by GraphQL', async (t) => {
  const scene = await startScene({ files: { 'core/rules.txt': 'a\nb\nc\nd\n', 'old.txt': 'same\n' } })
  const { github, call } = scene
  const auth = await scene.token()
  t.after(() => scene.close())
  const message = 'Move\n\nCo-authored-by: Carol <carol@example.test>\nCo-authored-by: Ghost <ghost@nowhere.test>'
  github.commit(repo, 'move', {
    author: { name: 'Someone', email: 'someone@nowhere.test' },
    committer: 'bob',
    by: 'bob',
    message,
    signed: { verified: true, signer: 'bob' },
    files: {
      'core/rules.txt': null,
      'docs/rules.txt': 'a\nb\nc\nD\n',
      'old.txt': { content: 'same\n', mode: '100755' },
    },
  })
  const { number } = github.openPullRequest({ repo, head: 'move', author: 'bob', title: 'Move' })
  const files = (await call('GET', `/repos/${repo}/pulls/${number}/files`, { auth })).json as Json[]
  assert.deepEqual(
    files.map((file) => [file.status, file.filename, file.previous_filename]),
    [
      ['renamed', 'docs/rules.txt', 'core/rules.txt'],
      ['changed', 'old.txt', undefined],
    ],
  )
  const [commit] = (await call('GET', `/repos/${repo}/pulls/${number}/commits`, { auth })).json as {
    author: Json | null
    committer: Json | null
    commit: { verification: Json }
  }[]
  assert.deepEqual(
    [commit?.author, commit?.committer?.login, commit?.commit.verification.verified],
    [null, 'bob', true],
  )
  const query =
    'query($o: String!, $n: String!, $p: Int!) { repository(owner: $o, name: $n) { pullRequest(number: $p) { commits(first: 100) { pageInfo { hasNextPage endCursor } nodes { commit { oid authors(first: 10) { nodes { email user { databaseId login } } } signature { isValid signer { databaseId login } } } } } } } }'
  const answer = (
    await call('POST', '/graphql', { auth, body: { query, variables: { o: 'acme', n: 'node', p: number } } })
  ).json as {
    data: {
      repository: {
        pullRequest: {
          commits: {
            nodes: {
              commit: {
                authors: { nodes: { email: string; user: { login: string } | null }[] }
                signature: { signer: { login: string } }
              }
            }[]
          }
        }
      }
    }
  }
  const [node] = answer.data.repository.pullRequest.commits.nodes
  assert.deepEqual(
    node?.commit.authors.nodes.map((person) => [person.email, person.user?.login ?? null]),
    [
      ['someone@nowhere.test', null],
      ['carol@example.test', 'carol'],
      ['ghost@nowhere.test', null],
    ],
  )
  assert.equal(node?.commit.signature.signer.login, 'bob')
  const bad = (
    await call('POST', '/graphql', { auth, body: { query: '{ repository(owner: "acme", name: "node") { nope } }' } })
  ).json as { errors: Json[] }
  assert.match(String(bad.errors[0]?.message), /nope/)
  github.settings.graphql = false
  assert.equal((await call('POST', '/graphql', { auth, body: { query } })).status, 404)
})
