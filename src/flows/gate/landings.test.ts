import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asBlobId, asCommitId, asTreeId, compareWithApproved, type FileChange } from '../../core/index.ts'
import type { ForgeLanding } from '../ports.ts'
import { type Candidate, matchLandings } from './landings.ts'

const id = (n: number): string => n.toString(16).padStart(40, '0')
const commit = (n: number) => asCommitId(id(n))
const tree = (n: number) => asTreeId(id(n))
const change = (path: string, from: number, to: number): FileChange => ({
  oldPath: from === 0 ? null : path,
  newPath: to === 0 ? null : path,
  oldMode: from === 0 ? null : '100644',
  newMode: to === 0 ? null : '100644',
  oldBlob: from === 0 ? null : asBlobId(id(from)),
  newBlob: to === 0 ? null : asBlobId(id(to)),
})
const landing = (n: number, treeOf: number, ...parents: number[]): ForgeLanding => ({
  commit: commit(n),
  tree: tree(treeOf),
  parents: parents.map(commit),
})
const candidate = (
  files: readonly FileChange[],
  more: {
    readonly mergeTree?: number
    readonly commits?: number
    readonly head?: number
    readonly base?: number
    readonly state?: 'open' | 'merged'
  } = {},
): Candidate =>
  ({
    files,
    base: commit(more.base ?? 1),
    record: { number: 7, state: more.state ?? 'open' },
    pass: {
      head: commit(more.head ?? 90),
      mergeTree: tree(more.mergeTree ?? 91),
      commits: more.commits ?? 1,
    },
  }) as unknown as Candidate

const noDiff = async (): Promise<readonly FileChange[]> => []

test('T48 a landing with one path more, or one mode other, than was approved differs', () => {
  const approved = [change('a', 1, 2)]
  assert.equal(compareWithApproved([change('a', 1, 2)], approved).outcome, 'equal')
  assert.equal(compareWithApproved([change('a', 1, 2), change('b', 0, 3)], approved).outcome, 'differs')
  assert.equal(compareWithApproved([{ ...change('a', 1, 2), newMode: '100755' }], approved).outcome, 'differs')
  assert.equal(compareWithApproved([change('a', 1, 3)], approved).outcome, 'differs')
  assert.equal(compareWithApproved([change('a', 5, 6)], approved).outcome, 'moved')
})

test('a squash is matched by its tree, a rebase by its last commit and its number of commits', async () => {
  const squash = await matchLandings({ diff: noDiff }, commit(1), [landing(2, 91, 1)], [candidate([change('a', 1, 2)])])
  assert.deepEqual(
    squash.map((match) => match.kind === 'matched' && [match.how, match.count]),
    [['merge-tree', 1]],
  )
  const run = [landing(2, 50, 1), landing(3, 51, 2), landing(4, 91, 3)]
  const rebase = await matchLandings({ diff: noDiff }, commit(1), run, [candidate([change('a', 1, 2)], { commits: 3 })])
  assert.deepEqual(
    rebase.map((match) => match.kind === 'matched' && [match.how, match.count]),
    [['merge-tree', 3]],
  )
})

test('T29 a commit that no pass explains is named, and the honest ones around it are matched', async () => {
  const matches = await matchLandings(
    { diff: async (_from, to) => (to === commit(3) ? [change('evil', 0, 9)] : [change('a', 1, 2)]) },
    commit(1),
    [landing(2, 91, 1), landing(3, 60, 2)],
    [candidate([change('a', 1, 2)])],
  )
  assert.deepEqual(
    matches.map((match) => match.kind),
    ['matched', 'unmatched'],
  )
})

test('T48 one pass explains one landing, and half of an approved change is another change', async () => {
  const approved = [change('a', 1, 2), change('b', 1, 2)]
  const twice = await matchLandings(
    { diff: noDiff },
    commit(1),
    [landing(2, 91, 1), landing(3, 91, 2)],
    [candidate(approved)],
  )
  assert.deepEqual(
    twice.map((match) => match.kind),
    ['matched', 'unmatched'],
  )
  const half = await matchLandings(
    { diff: async (from) => (from === tree(91) ? [change('b', 2, 1)] : [change('a', 1, 2)]) },
    commit(1),
    [landing(2, 60, 1)],
    [candidate(approved, { state: 'merged' })],
  )
  assert.deepEqual(
    half.map((match) => match.kind),
    ['unmatched'],
  )
})

test('a merge over a moved base is matched and says so', async () => {
  const matches = await matchLandings(
    { diff: async () => [change('a', 5, 6)] },
    commit(1),
    [landing(2, 60, 1, 90)],
    [candidate([change('a', 1, 2)])],
  )
  assert.deepEqual(
    matches.map((match) => match.kind === 'matched' && match.how),
    ['merged-with-moved-base'],
  )
})

test('T29 T48 a direct push before a squash is no commit of a rebase, though the tree that passed holds it', async () => {
  // The change has two commits, and was decided again over the pushed one.
  const matches = await matchLandings(
    {
      diff: async (from, to) => [
        ...(to === commit(3) ? [change('a', 1, 2)] : []),
        ...(from === commit(1) ? [change('evil', 0, 9)] : []),
      ],
    },
    commit(1),
    [landing(2, 60, 1), landing(3, 91, 2)],
    [candidate([change('a', 1, 2)], { commits: 2, base: 2 })],
  )
  assert.deepEqual(
    matches.map((match) => (match.kind === 'matched' ? [match.how, match.count] : match.commit)),
    [commit(2), ['merge-tree', 1]],
  )
})

test('T48 a merge and the squash after it are two landings, also where the second change has two commits', async () => {
  const first = candidate([change('b', 1, 2)], { head: 80, mergeTree: 70 })
  const second = candidate([change('a', 1, 2)], { commits: 2, base: 2 })
  const matches = await matchLandings(
    { diff: async (from) => (from === commit(1) ? [change('b', 1, 2)] : [change('a', 1, 2)]) },
    commit(1),
    [landing(2, 60, 1, 80), landing(3, 91, 2)],
    [second, first],
  )
  assert.deepEqual(
    matches.map((match) => match.kind === 'matched' && [match.candidate === first, match.how, match.count]),
    [
      [true, 'approved-paths', 1],
      [false, 'merge-tree', 1],
    ],
  )
})

test('T48 a tree that passed over another base explains nothing: it would take back what landed in between', async () => {
  const matches = await matchLandings(
    { diff: async () => [change('other', 2, 1)] },
    commit(1),
    [landing(2, 91, 1)],
    [candidate([change('a', 1, 2)], { base: 40 })],
  )
  assert.deepEqual(
    matches.map((match) => match.kind),
    ['unmatched'],
  )
})
