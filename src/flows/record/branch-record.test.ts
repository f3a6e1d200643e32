import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asCommitId, asRepositoryId, asSha256, type JsonObject, type LogEntry } from '../../core/index.ts'
import { branchEntryTypes, readBranchRecord, repositoryOfRecord, verdictsToRead } from './branch-record.ts'
import type { IndexedEntry } from './read-decisions.ts'

const id = (n: number): string => n.toString(16).padStart(40, '0')
const sha = (n: number): string => n.toString(16).padStart(64, '0')
const repository = asRepositoryId(7)

function log(...entries: readonly (readonly [string, JsonObject, JsonObject])[]): readonly IndexedEntry[] {
  return entries.map(([type, subject, data], index) => ({
    index,
    entry: { v: 1, id: `${index}`, at: index, type, actor: { kind: 'server' }, subject, data } satisfies LogEntry,
  }))
}
const change = { kind: 'change', repository: 7, number: 3 }
const branch = { kind: 'branch', repository: 7, ref: 'main' }
const enrolled = [
  'repository-enrolled',
  branch,
  { name: 'acme/node', branches: [{ ref: 'main', tip: id(1), tree: id(2) }] },
] as const
const verdict = (outcome: string, more: JsonObject = {}) =>
  [
    'verdict',
    change,
    {
      outcome,
      code: outcome === 'pass' ? 'merge-allowed' : 'merge-waits',
      head: id(10),
      baseRef: 'main',
      mergeTree: outcome === 'pass' ? id(11) : null,
      facts: sha(12),
      verdict: sha(13),
      ...more,
    },
  ] as const
const endsOf = (entries: readonly IndexedEntry[], waiting: readonly string[] = []) =>
  readBranchRecord(entries, repository, 'main', (digest) => waiting.includes(digest))?.passes.map((pass) => [
    pass.index,
    pass.endedBy,
  ])

test('a pass stands until a later verdict says otherwise, and only a test merge that is awaited leaves it standing', () => {
  const stands = Number.POSITIVE_INFINITY
  const pass = verdict('pass')
  assert.deepEqual(endsOf(log(enrolled, pass)), [[1, stands]])
  assert.deepEqual(endsOf(log(enrolled, pass, pass)), [
    [1, 2],
    [2, stands],
  ])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('pending'))), [[1, 2]])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('pending')), [sha(13)]), [[1, stands]])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('pending', { head: id(99) })), [sha(13)]), [[1, 2]])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('pending', { baseRef: 'other' })), [sha(13)]), [[1, 2]])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('fail'))), [[1, 2]])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('error', { code: 'facts-unavailable', facts: null }))), [
    [1, stands],
  ])
  assert.deepEqual(endsOf(log(enrolled, pass, verdict('error', { code: 'unknown-layer' }))), [[1, 2]])
  assert.deepEqual(endsOf(log(enrolled, pass, ['clock-ended', change, { why: 'merged' }])), [[1, stands]])
  assert.deepEqual(endsOf(log(enrolled, pass, ['clock-ended', change, { why: 'closed' }])), [[1, 2]])
})

test('passes of other branches and repositories, and entries that cannot be read, are none of this branch', () => {
  const elsewhere = log(
    enrolled,
    verdict('pass', { baseRef: 'other' }),
    ['verdict', { ...change, repository: 8 }, verdict('pass')[2]],
    verdict('pass', { head: 'no id' }),
    verdict('pass', { facts: null }),
  )
  assert.deepEqual(endsOf(elsewhere), [])
  assert.equal(
    readBranchRecord(elsewhere, repository, 'nowhere', () => false),
    null,
  )
  assert.equal(
    readBranchRecord(elsewhere, asRepositoryId(9), 'main', () => false),
    null,
  )
})

test('the first entry that speaks of a commit tells when it had landed, and the first enrolment where the branch starts', () => {
  const later = [
    'repository-enrolled',
    branch,
    { name: 'acme/new', branches: [{ ref: 'main', tip: id(5), tree: id(6) }] },
  ] as const
  const entries = log(
    enrolled,
    ['finding', branch, { code: 'unmatched-landing', detail: { commit: id(20) } }],
    ['landing-matched', branch, { commit: id(20), verdict: 0, number: 3, how: 'merge-tree', commits: 1 }],
    later,
  )
  const record = readBranchRecord(entries, repository, 'main', () => false)
  assert.equal(record?.start.commit, id(1))
  assert.equal(record.firstMention.get(asCommitId(id(20))), 1)
  assert.deepEqual(record.matched.get(asCommitId(id(20))), { index: 2, verdict: 0 })
  assert.equal(repositoryOfRecord(entries, 'ACME/new'), 7)
  assert.equal(repositoryOfRecord(entries, '12'), 12)
  assert.equal(repositoryOfRecord(entries, 'acme/other'), null)
})

test('entries of any content are read or left out, and never end the reading', () => {
  const any = fc.dictionary(
    fc.constantFrom(
      'name',
      'branches',
      'epoch',
      'commit',
      'files',
      'outcome',
      'head',
      'mergeTree',
      'facts',
      'verdict',
      'detail',
    ),
    fc.oneof(fc.jsonValue(), fc.constantFrom(id(1), sha(1)), fc.constant([{ ref: 'main' }, null, 'main'])),
  )
  const subject = fc.constantFrom<JsonObject>(branch, change, { kind: 'deployment' })
  const entry = fc.tuple(fc.constantFrom(...branchEntryTypes), subject, any as fc.Arbitrary<JsonObject>)
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const read = log(enrolled, ...entries)
      verdictsToRead(read, repository)
      repositoryOfRecord(read, 'acme/node')
      assert.notEqual(
        readBranchRecord(read, repository, 'main', () => false),
        null,
      )
    }),
  )
})

test('only verdicts that wait on a head that passed are read', () => {
  const [waits, other] = [asSha256(sha(30)), asSha256(sha(31))]
  const entries = log(
    enrolled,
    verdict('pending', { verdict: other }),
    verdict('pass'),
    verdict('pending', { verdict: waits }),
    verdict('pending', { verdict: other, head: id(40) }),
    verdict('fail', { verdict: other }),
  )
  assert.deepEqual(verdictsToRead(entries, repository), [waits])
})
