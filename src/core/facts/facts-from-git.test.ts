import assert from 'node:assert/strict'
import { test } from 'node:test'
import { account, commit, facts, file, gitId } from '../../../test/fakes/governed-change.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { asBlobId, asTreeId } from '../ids.ts'
import { accountOfAddress, coAuthorAddresses, trailerAddresses } from './commit-words.ts'
import type { Facts } from './facts.ts'
import { compareFactsWithGit, type GitChange } from './facts-from-git.ts'
import { type GitCommit, parseGitCommit } from './git-commit.ts'

const gitCommit = (changes: Partial<GitCommit> = {}): GitCommit => ({
  sha: commit('head'),
  tree: asTreeId(gitId('head tree')),
  parents: [commit('base')],
  authorEmail: 'author@example.org',
  committerEmail: 'author@example.org',
  isSigned: false,
  message: 'change\n',
  ...changes,
})

const gitChange = (changes: Partial<GitChange> = {}): GitChange => ({
  headTree: asTreeId(gitId('head tree')),
  isBaseOnBranch: true,
  mergeBases: [commit('base')],
  files: facts().files,
  commits: [gitCommit()],
  sharedCommits: new Set(),
  merge: { state: 'clean', tree: asTreeId(gitId('merge tree')) },
  mergeFiles: null,
  policyPaths: null,
  ...changes,
})

const fieldsOf = (recorded: Facts, git: GitChange): readonly string[] =>
  compareFactsWithGit(recorded, git).contradictions.map(({ field }) => field)
const head = commit('head')

test('facts that git agrees with are not contradicted, and what git cannot tell is listed', () => {
  const { contradictions, notCheckable } = compareFactsWithGit(facts(), gitChange())
  assert.deepEqual(contradictions, [])
  for (const field of ['opener', 'pushers', 'commits.accounts', 'title', 'clock'])
    assert.ok(notCheckable.includes(field))
  assert.ok(compareFactsWithGit(facts(), gitChange({ files: null })).notCheckable.includes('files'))
  assert.ok(compareFactsWithGit(facts(), gitChange({ isBaseOnBranch: null })).notCheckable.includes('base'))
})

test('T49 each field that git tells otherwise is named', () => {
  const honest = facts().files
  const mode = honest.map((one) => ({ ...one, newMode: '100755' }))
  const blob = honest.map((one) => ({ ...one, oldBlob: asBlobId(gitId('another')) }))
  for (const [change, fields] of [
    [{ headTree: asTreeId(gitId('x')) }, ['head.tree']],
    [{ isBaseOnBranch: false }, ['base.sha']],
    [{ mergeBases: [commit('x')] }, ['mergeBase']],
    [{ files: [...honest, file('src/evil.ts')] }, ['files[src/evil.ts]', 'changeDigest']],
    [{ files: [] }, ['files[docs/a.md]', 'changeDigest']],
    [{ files: mode }, ['files[docs/a.md]', 'changeDigest']],
    [{ files: blob }, ['files[docs/a.md]', 'changeDigest']],
    [{ commits: [gitCommit(), gitCommit({ sha: commit('hidden') })] }, [`commits[${commit('hidden')}]`]],
    [{ commits: [] }, [`commits[${head}]`]],
    [{ merge: { state: 'conflict' } }, ['merge.tree']],
    [{ merge: { state: 'clean', tree: asTreeId(gitId('x')) } }, ['merge.tree']],
    [{ commits: [gitCommit({ authorEmail: '77+x@users.noreply.github.com' })] }, [`commits[${head}].author`]],
    [{ commits: [gitCommit({ committerEmail: '77+x@users.noreply.github.com' })] }, [`commits[${head}].committer`]],
    [{ commits: [gitCommit({ message: 'x\n\nCo-authored-by: M <m@example.org>\n' })] }, [`commits[${head}].coAuthors`]],
  ] as readonly (readonly [Partial<GitChange>, readonly string[]])[])
    assert.deepEqual(fieldsOf(facts(), gitChange(change)), fields, JSON.stringify(fields))
})

test('T49 a signature, a trailer or a private address that is there or not gives a recorded account away', () => {
  const recorded = (changes: Partial<Facts['commits'][number]>): Facts =>
    facts({ commits: facts().commits.map((one) => ({ ...one, ...changes })) })
  const signed = recorded({ author: { account: account('author'), how: 'signature' } })
  assert.deepEqual(fieldsOf(signed, gitChange()), [`commits[${head}].author`])
  assert.deepEqual(fieldsOf(signed, gitChange({ commits: [gitCommit({ isSigned: true })] })), [])
  const forge = recorded({ committer: { account: null, how: 'forge' } })
  assert.deepEqual(fieldsOf(forge, gitChange()), [`commits[${head}].committer`])

  const message = 'x\n\nCo-authored-by: M <101+m1@users.noreply.github.com>\nCo-authored-by: N <n@example.org>\n'
  const commits = [gitCommit({ message })]
  const one = (login: string) => recorded({ coAuthors: [{ account: account(login), how: 'trailer' }] })
  assert.deepEqual(fieldsOf(one('m1'), gitChange({ commits })), [], 'an address may be nobody’s, or the same person’s')
  assert.deepEqual(fieldsOf(one('m2'), gitChange({ commits })), [`commits[${head}].coAuthors`])
})

test('a merge that git makes otherwise is good only as the base with exactly the approved paths', () => {
  const merge = { state: 'conflict' } as const
  const { files } = facts()
  assert.deepEqual(fieldsOf(facts(), gitChange({ merge, mergeFiles: files })), [])
  for (const mergeFiles of [[], [...files, file('b')], files.map((one) => ({ ...one, newMode: '100755' })), null])
    assert.deepEqual(fieldsOf(facts(), gitChange({ merge, mergeFiles })), ['merge.tree'])
  const moved = files.map((one) => ({ ...one, oldBlob: asBlobId(gitId('moved')) }))
  assert.deepEqual(fieldsOf(facts(), gitChange({ merge, mergeFiles: moved })), ['merge.tree'])
})

test('a listed commit that the base got by another way is no contradiction, one of nowhere is, and one listed twice', () => {
  const [own] = facts().commits
  assert.ok(own)
  const two = facts({ commits: [{ ...own, sha: commit('shared') }, own] })
  assert.deepEqual(fieldsOf(two, gitChange({ sharedCommits: new Set([commit('shared')]) })), [])
  assert.deepEqual(fieldsOf(two, gitChange()), [`commits[${commit('shared')}]`])
  assert.deepEqual(fieldsOf(facts({ commits: [own, own] }), gitChange()), ['commits'])
})

test('a policy change is told by its policy paths too', () => {
  const governance = {
    inForceCommit: commit('base'),
    inForceEpoch: 1,
    baseDiffers: [],
    mergeDiffers: ['config/action-tiers.yml'],
    proposedPolicy: null,
    proposedFaults: [],
  }
  const policyPaths = { baseDiffers: ['.governance.yml'], mergeDiffers: ['config/action-tiers.yml'] }
  assert.deepEqual(fieldsOf(facts({ governance }), gitChange({ policyPaths })), ['governance.baseDiffers'])
})

test('a thousand hidden files are told as twenty and a count', () => {
  const files = Array.from({ length: 1000 }, (_, i) => file(`f${String(i).padStart(4, '0')}`))
  const fields = fieldsOf(facts(), gitChange({ files }))
  assert.equal(fields.length, 22)
  assert.deepEqual(fields.slice(-2), ['files', 'changeDigest'])
})

test('a commit object is read whole: parents, addresses, signature, message; anything else is none', () => {
  const [tree, parent] = [gitId('tree'), gitId('parent')]
  const text = (more = '') =>
    `tree ${tree}\nparent ${parent}\nparent ${parent}\nauthor A < a@x > 1 +0000\ncommitter C <c@x> 1 +0000\n${more}\ntitle\n\nbody\n`
  const read = (of: string | Uint8Array) => parseGitCommit(head, typeof of === 'string' ? encodeUtf8(of) : of)
  assert.deepEqual(read(text()), {
    sha: head,
    tree,
    parents: [parent, parent],
    authorEmail: 'a@x',
    committerEmail: 'c@x',
    isSigned: false,
    message: 'title\n\nbody\n',
  })
  const signed = read(text('gpgsig -----BEGIN\n tree 0\n\u0020\n -----END\n'))
  assert.deepEqual([signed?.isSigned, signed?.tree, signed?.message], [true, tree, 'title\n\nbody\n'])
  // A message that is not UTF-8 is no reason to overlook a commit.
  assert.equal(read(Uint8Array.of(...encodeUtf8(text()), 0xff))?.message, 'title\n\nbody\n\u00ff')
  for (const bad of [
    '',
    'tree\n',
    text().replace(tree, 'x'),
    text().replace(/author.*\n/, ''),
    `tree ${tree}\n${text()}`,
  ])
    assert.equal(read(bad), undefined, bad)
})

test('trailers: the last paragraph is what every reader sees, every line is what nobody may hide', () => {
  const message = 'Co-authored-by: T <t@x>\n\nCo-authored-by: M <m@x>\n\nSigned-off-by: a\nco-authored-by: Z <Z@x>\n'
  assert.deepEqual(coAuthorAddresses(message, 'a@x'), ['t@x', 'm@x', 'z@x'])
  assert.deepEqual(trailerAddresses(message, 'a@x'), ['z@x'])
  assert.deepEqual(trailerAddresses(message, 'z@x'), [])
  assert.deepEqual(trailerAddresses('Co-authored-by: T <t@x>', 'a@x'), [])
  assert.equal(accountOfAddress('583231+octocat@users.noreply.github.com'), 583231)
  assert.equal(accountOfAddress('octocat@users.noreply.github.com'), null)
})
