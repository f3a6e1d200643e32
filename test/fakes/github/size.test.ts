import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { callControl } from './control-http.ts'
import { startScene } from './scene.ts'
import type { Json } from './world.ts'

const repo = 'acme/node'

test('a repository of 5,000 files and a pull request of 3,500 files and 300 commits keep to the API caps', async (t) => {
  const many = (count: number, text: (n: number) => string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`dir${n % 50}/sub${n % 7}/file${n}.txt`, text(n)]))
  const scene = await startScene({ files: many(5000, (n) => `${n}\n`), settings: { treeLimit: 4000 } })
  const { github, call } = scene
  const auth = await scene.token()
  t.after(() => scene.close())
  const started = performance.now()
  github.commit(repo, 'big', { author: 'bob', files: many(3500, (n) => `changed ${n}\n`) })
  for (let n = 1; n < 300; n++) github.commit(repo, 'big', { author: 'bob', files: { 'dir0/counter.txt': `${n}` } })
  const { number } = github.openPullRequest({ repo, head: 'big', author: 'bob', title: 'Big' })
  const pull = (await call('GET', `/repos/${repo}/pulls/${number}`, { auth })).json as {
    changed_files: number
    commits: number
  }
  assert.deepEqual([pull.changed_files, pull.commits], [3501, 300])
  const collect = async (path: string) => {
    const rows: Json[] = []
    for (let next: string | undefined = path; next !== undefined; ) {
      const reply = await call('GET', next, { auth })
      rows.push(...(reply.json as Json[]))
      next = /<([^>]+)>; rel="next"/.exec(reply.headers.get('link') ?? '')?.[1]
    }
    return rows
  }
  assert.equal((await collect(`/repos/${repo}/pulls/${number}/files?per_page=100`)).length, 3000)
  assert.equal((await collect(`/repos/${repo}/pulls/${number}/commits?per_page=100`)).length, 250)
  const compare = (await call('GET', `/repos/${repo}/compare/main...big`, { auth })).json as {
    files: Json[]
    total_commits: number
    merge_base_commit: { sha: string }
  }
  assert.deepEqual(
    [compare.files.length, compare.total_commits, compare.merge_base_commit.sha],
    [300, 300, github.branch(repo, 'main')],
  )
  const tree = (await call('GET', `/repos/${repo}/git/trees/big?recursive=1`, { auth })).json as {
    truncated: boolean
    tree: { path: string; mode: string; sha: string; type: string }[]
  }
  assert.deepEqual([tree.truncated, tree.tree.length], [true, 4000])
  const directory = tree.tree.find((entry) => entry.type === 'tree')
  assert.equal(directory?.mode, '040000')
  assert.equal((await call('GET', `/repos/${repo}/git/trees/${directory?.sha}`, { auth })).status, 200)
  const seconds = (performance.now() - started) / 1000
  assert.ok(seconds < 20, `took ${seconds} s`)
})

test('as a process of its own it prints its address and is driven over HTTP', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url)), '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { url } = JSON.parse(line.toString()) as { url: string }
    await callControl(url, 'createUser', 'alice')
    await callControl(url, 'createRepository', 'alice', 'r', { files: { a: { base64: 'AAE=' } } })
    const sha = await callControl(url, 'commit', 'alice/r', 'main', { author: 'alice', files: { b: '1' } })
    await callControl(url, 'clock.advance', 86_400_000)
    const reply = await fetch(`${url}/api/v3/repos/alice/r/branches/main`, { headers: { 'user-agent': 'test' } })
    assert.equal(((await reply.json()) as { commit: { sha: string } }).commit.sha, sha)
    assert.ok(Date.parse(reply.headers.get('date') ?? '') > Date.now() + 86_000_000)
    await assert.rejects(callControl(url, 'commit', 'alice/none', 'main', {}), /no repository/)
  } finally {
    child.kill()
  }
})
