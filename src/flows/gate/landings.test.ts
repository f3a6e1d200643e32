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
    readonly state?: 'open' | 'merged'
  } = {},
): Candidate =>
  ({
    files,
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
