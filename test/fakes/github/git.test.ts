import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createObjectStore, EMPTY_TREE, objectId } from './git-objects.ts'
import { mergeTrees } from './git-merge.ts'
import { editTree, listTree } from './git-trees.ts'
import { startScene } from './scene.ts'

const dir = mkdtempSync(join(tmpdir(), 'fake-github-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const hasGit = (() => {
  try {
    execFileSync('git', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
const needsGit = { skip: hasGit ? false : 'real part missing: git' }
const env = { PATH: process.env.PATH ?? '', HOME: dir, GIT_CONFIG_NOSYSTEM: '1' }
const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

test('object ids are those of git', () => {
  assert.equal(objectId('blob', Buffer.from('hello\n')), 'ce013625030ba8dba906f756967f9e9ca394464a')
  assert.equal(createObjectStore().putTree([]), EMPTY_TREE)
})

test('git fsck accepts an exported repository with a merged and an open pull request', needsGit, async (t) => {
  const scene = await startScene()
  const { github } = scene
  github.commit('acme/node', 'topic', {
    author: 'bob',
    files: { 'a/b/c.txt': 'c\n', 'a.txt': 'x', 'bin/run': { content: '#!/bin/sh\n', mode: '100755' } },
    message: 'Add things',
    signed: true,
  })
  t.after(() => scene.close())
  const first = github.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'bob', title: 'Things' })
  github.mergePullRequest({ repo: 'acme/node', number: first.number }, 'alice')
  github.commit('acme/node', 'next', {
    author: { name: 'Nobody <x>', email: 'no@where' },
    by: 'bob',
    files: { 'src/main.txt': 'ONE\ntwo\nthree\nfour\nfive\n' },
  })
  const second = github.openPullRequest({ repo: 'acme/node', head: 'next', author: 'bob', title: 'Next' })
  github.enqueueMergeGroup({ repo: 'acme/node', number: second.number }, 'alice')
  const target = join(dir, 'exported')
  github.exportTo('acme/node', target)
  git(target, 'fsck', '--strict', '--full')
  assert.equal(git(target, 'rev-parse', 'refs/heads/main').trim(), github.branch('acme/node', 'main'))
  assert.equal(git(target, 'show', 'main:a/b/c.txt'), 'c\n')
  assert.match(git(target, 'ls-tree', 'main', 'bin/run'), /^100755 blob/)
  assert.match(
    git(target, 'cat-file', '-p', `refs/pull/${second.number}/merge`),
    /^tree [0-9a-f]{40}\nparent .*\nparent /,
  )
})

test('merges give the tree that git merge-tree gives, or a conflict where git has one', needsGit, async (t) => {
  const base = { 'a.txt': '1\n2\n3\n4\n5\n6\n7\n8\n', 'b.txt': 'b\n', 'd/e.txt': 'e\n' }
  const cases: { ours: Record<string, string | null>; theirs: Record<string, string | null> }[] = [
    { ours: { 'b.txt': 'B\n' }, theirs: { 'd/e.txt': null, 'new/x.txt': 'x\n' } },
    { ours: { 'a.txt': 'one\n2\n3\n4\n5\n6\n7\n8\n' }, theirs: { 'a.txt': '1\n2\n3\n4\n5\n6\n7\neight\n' } },
    { ours: { 'b.txt': 'B\n' }, theirs: { 'b.txt': 'bb\n' } },
    { ours: { 'b.txt': null }, theirs: { 'b.txt': 'bb\n' } },
    { ours: { 'b.txt': 'same\n' }, theirs: { 'b.txt': 'same\n' } },
    { ours: { 'n.txt': 'x\n' }, theirs: { 'n.txt': 'y\n' } },
    { ours: { n: 'file\n' }, theirs: { 'n/deep.txt': 'y\n' } },
  ]
  for (const [index, { ours, theirs }] of cases.entries()) {
    const scene = await startScene({ files: base })
    const { github } = scene
    github.createBranch('acme/node', 'theirs', 'main', 'alice')
    t.after(() => scene.close())
    const left = github.commit('acme/node', 'main', { author: 'alice', files: ours })
    const right = github.commit('acme/node', 'theirs', { author: 'bob', files: theirs, message: `case ${index}` })
    const { number } = github.openPullRequest({ repo: 'acme/node', head: 'theirs', author: 'bob', title: 't' })
    const token = await scene.token()
    await scene.call('GET', `/repos/acme/node/pulls/${number}`, { auth: token })
    const { json } = await scene.call('GET', `/repos/acme/node/pulls/${number}`, { auth: token })
    const pull = json as { mergeable: boolean; merge_commit_sha: string | null }
    const target = join(dir, `merge-${index}`)
    github.exportTo('acme/node', target)
    let expected: string | null
    try {
      expected = git(target, 'merge-tree', '--write-tree', left, right).trim()
    } catch {
      expected = null
    }
    assert.equal(pull.mergeable, expected !== null, `case ${index}`)
    if (expected !== null)
      assert.equal(git(target, 'rev-parse', `${pull.merge_commit_sha}^{tree}`).trim(), expected, `case ${index}`)
  }
})

test('a directory that loses its last file is gone, and a conflict names the path', () => {
  const store = createObjectStore()
  const blob = (text: string) => ({ mode: '100644', id: store.putBlob(text) })
  const base = editTree(
    store,
    EMPTY_TREE,
    new Map([
      ['x/y/z', blob('1')],
      ['k', blob('2')],
    ]),
  )
  assert.deepEqual(
    listTree(store, editTree(store, base, new Map([['x/y/z', null]])), true).map((entry) => entry.path),
    ['k'],
  )
  const ours = editTree(store, base, new Map([['k', blob('3')]]))
  const theirs = editTree(store, base, new Map([['k', blob('4')]]))
  assert.deepEqual(mergeTrees(store, base, ours, theirs).conflicts, ['k'])
})
