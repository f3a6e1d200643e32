import {
  FieldFault,
  type FieldFaultCode,
  readBoolean,
  readChoice,
  readId,
  readInteger,
  readList,
  readNullable,
  readObject,
  readText,
} from '../bytes/field-reader.ts'
import type { Json } from '../bytes/json.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import {
  type AccountId,
  asBlobId,
  asCommitId,
  asSha256,
  asTreeId,
  type Instant,
  type LogIndex,
  type RepositoryId,
} from '../ids.ts'
import type { ConditionId, TextMatch } from '../policy/policy-v1.ts'
import { changeDigest, pathOf } from './digests.ts'
import type { Attribution, CheckFacts, CommitFacts, Facts, FileChange, GovernanceFacts, MergeFacts } from './facts.ts'

/** Why a value is not a snapshot of a change. */
export type FactsFaultCode = FieldFaultCode | 'files-not-sorted' | 'change-digest-mismatch'

export type CheckedFacts =
  | { readonly ok: true; readonly facts: Facts }
  | { readonly ok: false; readonly code: FactsFaultCode; readonly field: string }

const maxFiles = 100_000
const maxCommits = 10_000
const maxListed = 10_000
const mode = /^[0-7]{6}$/
const how: readonly Attribution['how'][] = ['signature', 'email', 'trailer', 'forge', 'none']

const readAccount = (value: Json | undefined, field: string): AccountId => readInteger(value, field, 1) as AccountId
const readAccounts = (value: Json | undefined, field: string): readonly AccountId[] =>
  readList(value, field, maxListed, readAccount)
const readWords = (value: Json | undefined, field: string): readonly string[] =>
  readList(value, field, maxListed, (element, at) => readText(element, at, 4096))

function readFile(value: Json, field: string): FileChange {
  const file = readObject(value, field, ['newBlob', 'newMode', 'newPath', 'oldBlob', 'oldMode', 'oldPath'])
  const side = (path: Json | undefined, modeText: Json | undefined, blob: Json | undefined) =>
    path === null && modeText === null && blob === null
      ? null
      : {
          path: readText(path, `${field}.path`, 4096),
          mode: readText(modeText, `${field}.mode`, 6, mode),
          blob: readId(blob, `${field}.blob`, asBlobId),
        }
  const before = side(file.oldPath, file.oldMode, file.oldBlob)
  const after = side(file.newPath, file.newMode, file.newBlob)
  // A file that changed its name is two entries: one entry with two names would hide one of them.
  if ((before ?? after) === null || (before !== null && after !== null && before.path !== after.path)) {
    throw new FieldFault('malformed-field', field)
  }
  return {
    newBlob: after?.blob ?? null,
    newMode: after?.mode ?? null,
    newPath: after?.path ?? null,
    oldBlob: before?.blob ?? null,
    oldMode: before?.mode ?? null,
    oldPath: before?.path ?? null,
  }
}

function readAttribution(value: Json | undefined, field: string): Attribution {
  const attribution = readObject(value, field, ['account', 'how'])
  const read = {
    account: readNullable(attribution.account, (account) => readAccount(account, `${field}.account`)),
    how: readChoice(attribution.how, `${field}.how`, how),
  }
  const isNobody = read.how === 'forge' || read.how === 'none'
  if ((read.account === null) !== isNobody) throw new FieldFault('malformed-field', field)
  return read
}

function readCommit(value: Json, field: string): CommitFacts {
  const commit = readObject(value, field, ['sha', 'author', 'committer', 'coAuthors'])
  return {
    sha: readId(commit.sha, `${field}.sha`, asCommitId),
    author: readAttribution(commit.author, `${field}.author`),
    committer: readAttribution(commit.committer, `${field}.committer`),
    coAuthors: readList(commit.coAuthors, `${field}.coAuthors`, 1000, readAttribution),
  }
}

function readCheck(value: Json, field: string): CheckFacts {
  const check = readObject(value, field, ['name', 'appId', 'conclusion', 'workflow'])
  return {
    name: readText(check.name, `${field}.name`, 1000),
    appId: readInteger(check.appId, `${field}.appId`, 0),
    conclusion: readNullable(check.conclusion, (text) => readText(text, `${field}.conclusion`, 100)),
    workflow: readNullable(check.workflow, (text) => readText(text, `${field}.workflow`, 4096)),
  }
}

function readMerge(value: Json | undefined): MergeFacts {
  const state = readChoice(readObject(value, 'merge', ['state'], ['tree']).state, 'merge.state', [
    'clean',
    'conflict',
    'unknown',
  ] as const)
  const merge = readObject(value, 'merge', state === 'clean' ? ['state', 'tree'] : ['state'])
  return state === 'clean' ? { state, tree: readId(merge.tree, 'merge.tree', asTreeId) } : { state }
}

function readTextMatch(value: Json, field: string): TextMatch {
  const match = readObject(value, field, ['tier', 'rule'])
  return { tier: readText(match.tier, `${field}.tier`, 64), rule: readText(match.rule, `${field}.rule`, 4096) }
}

function readGovernance(value: Json): GovernanceFacts {
  const governance = readObject(value, 'governance', [
    'inForceCommit',
    'inForceEpoch',
    'baseDiffers',
    'mergeDiffers',
    'proposedPolicy',
    'proposedFaults',
  ])
  return {
    inForceCommit: readId(governance.inForceCommit, 'governance.inForceCommit', asCommitId),
    inForceEpoch: readInteger(governance.inForceEpoch, 'governance.inForceEpoch', 0),
    baseDiffers: readWords(governance.baseDiffers, 'governance.baseDiffers'),
    mergeDiffers: readWords(governance.mergeDiffers, 'governance.mergeDiffers'),
    proposedPolicy: readNullable(governance.proposedPolicy, (text) =>
      readId(text, 'governance.proposedPolicy', asSha256),
    ),
    proposedFaults: readWords(governance.proposedFaults, 'governance.proposedFaults'),
  }
}

const members = [
  'v',
  'repository',
  'number',
  'state',
  'draft',
  'head',
  'base',
  'mergeBase',
  'merge',
  'files',
  'changeDigest',
  'opener',
  'pushers',
  'commits',
  'checks',
  'labels',
  'title',
  'body',
  'textMatches',
  'clock',
  'group',
  'authorControlledChecks',
  'addedConditions',
  'governance',
]

function readFacts(value: Json): Facts {
  const facts = readObject(value, 'facts', members)
  if (facts.v !== 1) throw new FieldFault('malformed-field', 'v')
  const repository = readObject(facts.repository, 'repository', ['id', 'name', 'private'])
  const head = readObject(facts.head, 'head', ['sha', 'tree'])
  const base = readObject(facts.base, 'base', ['ref', 'sha'])
  return {
    v: 1,
    repository: {
      id: readInteger(repository.id, 'repository.id', 1) as RepositoryId,
      name: readText(repository.name, 'repository.name', 300),
      private: readBoolean(repository.private, 'repository.private'),
    },
    number: readInteger(facts.number, 'number', 1),
    state: readChoice(facts.state, 'state', ['open', 'closed', 'merged'] as const),
    draft: readBoolean(facts.draft, 'draft'),
    head: { sha: readId(head.sha, 'head.sha', asCommitId), tree: readId(head.tree, 'head.tree', asTreeId) },
    base: { ref: readText(base.ref, 'base.ref', 255), sha: readId(base.sha, 'base.sha', asCommitId) },
    mergeBase: readId(facts.mergeBase, 'mergeBase', asCommitId),
    merge: readMerge(facts.merge),
    files: readList(facts.files, 'files', maxFiles, readFile),
    changeDigest: readId(facts.changeDigest, 'changeDigest', asSha256),
    opener: readAccount(facts.opener, 'opener'),
    pushers: readAccounts(facts.pushers, 'pushers'),
    commits: readList(facts.commits, 'commits', maxCommits, readCommit),
    checks: readList(facts.checks, 'checks', maxListed, readCheck),
    labels: readWords(facts.labels, 'labels'),
    title: readId(facts.title, 'title', asSha256),
    body: readId(facts.body, 'body', asSha256),
    textMatches: readList(facts.textMatches, 'textMatches', maxListed, readTextMatch),
    clock: readNullable(facts.clock, (value) => {
      const clock = readObject(value, 'clock', ['startedAt', 'entry'])
      return {
        startedAt: readInteger(clock.startedAt, 'clock.startedAt', 0) as Instant,
        entry: readInteger(clock.entry, 'clock.entry', 0) as LogIndex,
      }
    }),
    group: readList(facts.group, 'group', maxListed, (element, field) => readInteger(element, field, 1)),
    authorControlledChecks: readWords(facts.authorControlledChecks, 'authorControlledChecks'),
    addedConditions: readWords(facts.addedConditions, 'addedConditions') as readonly ConditionId[],
    governance: readNullable(facts.governance, readGovernance),
  }
}

/**
 * Reads a stored or received value as facts, or says what is wrong with it and where.
 *
 * Trust: the value may be an attacker's (evidence from a stranger).
 * Checks: every member and no other, types, ranges, files sorted by path without a repeated one, each with the same path
 * on both sides, and that `changeDigest` is that of the files.
 * Does not check: that any of it is true.
 */
export function checkFacts(value: Json, acceleration: Acceleration = {}): CheckedFacts {
  try {
    const facts = readFacts(value)
    for (let i = 1; i < facts.files.length; i++) {
      const [before, file] = [facts.files[i - 1], facts.files[i]]
      if (before !== undefined && file !== undefined && pathOf(before) >= pathOf(file)) {
        return { ok: false, code: 'files-not-sorted', field: `files[${i}]` }
      }
    }
    if (changeDigest(facts.files, acceleration) !== facts.changeDigest) {
      return { ok: false, code: 'change-digest-mismatch', field: 'changeDigest' }
    }
    return { ok: true, facts }
  } catch (error) {
    if (error instanceof FieldFault) return { ok: false, code: error.code, field: error.field }
    throw error
  }
}
