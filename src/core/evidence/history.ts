import { type Admission, admit } from '../approval/admit.ts'
import { admitRelease, type ReleaseAdmission } from '../approval/admit-release.ts'
import type { AdmittedRelease, ReleaseStatement } from '../approval/release-predicate.ts'
import { parseReleaseStatement } from '../approval/release-statement.ts'
import type { AdmittedStatement, Statement } from '../approval/statement.ts'
import { parseStatement } from '../approval/statement-bytes.ts'
import { decodeBase64Url } from '../bytes/base64.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import type { AccountId, LogIndex, Sha256 } from '../ids.ts'
import { readLogBreak } from '../log/log-break.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { applyRegistry, emptyKeyring, KeyringError } from '../keyring/registry.ts'
import { afterStatement } from '../keyring/suspension.ts'
import { checkPolicy } from '../policy/check-policy.ts'
import type { PolicyV1, Requirement } from '../policy/policy-v1.ts'
import { readRequirement } from './read-requirement.ts'
import type { EntryOf, TypedEntry } from './read-entry.ts'

/** A policy that took effect, with what it is and what it made of the keyring. */
export interface PolicyStep {
  readonly entry: EntryOf<'policy-in-force'>
  /** The genesis or regenesis that it needs no verdict for; it is the entry before. */
  readonly root: EntryOf<'genesis'> | EntryOf<'policy-regenesis'> | null
  /** Null when its blob is missing or is no policy. */
  readonly policy: PolicyV1 | null
  /** Null when its registry cannot be applied. */
  readonly keyring: Keyring | null
}

/** A statement, and what repeating its admission gives. */
export interface StatementStep {
  readonly entry: EntryOf<'statement-admitted'>
  readonly statement: Statement | null
  /** Null when something that admission looks at is not in the evidence. */
  readonly admission: Admission | null
  readonly admitted: AdmittedStatement | null
}

/** A statement about a release, and what repeating its admission gives. */
export interface ReleaseStatementStep {
  readonly entry: EntryOf<'statement-admitted'>
  readonly statement: ReleaseStatement | null
  readonly admission: ReleaseAdmission | null
  readonly admitted: AdmittedRelease | null
}

/** What admission looks at besides the statement itself. */
export interface AdmissionState {
  /** Origin of the log as it was called when the statement was admitted: what statements of that time name as audience. */
  readonly origin: string
  readonly policy: PolicyV1 | null
  readonly epoch: number
  readonly keyring: Keyring
}

/** What was in force between two entries. */
export interface State {
  readonly origin: string
  readonly policy: PolicyStep | null
  readonly keyring: Keyring
  /** Statements before this entry that raise trust are void. */
  readonly voidBefore: number
}

export interface History {
  readonly genesis: EntryOf<'genesis'> | null
  readonly policies: readonly PolicyStep[]
  readonly statements: readonly StatementStep[]
  readonly releases: readonly ReleaseStatementStep[]
  /** What was in force for an entry at this index: everything before it. */
  readonly stateBefore: (index: LogIndex) => State
}

export interface HistoryInput {
  readonly entries: readonly TypedEntry[]
  readonly blob: (digest: Sha256) => Json | undefined
  readonly acceleration: Acceleration
}

const accountsOf = (root: PolicyStep['root']): Readonly<Record<string, AccountId>> =>
  Object.fromEntries((root?.data.accounts ?? []).map(({ login, account }) => [login, account]))

function takeEffect(
  { blob }: HistoryInput,
  entry: EntryOf<'policy-in-force'>,
  root: PolicyStep['root'],
  before: Keyring,
): PolicyStep {
  const value = blob(entry.data.policy)
  const checked = value === undefined ? null : checkPolicy(value)
  const policy = checked?.ok === true ? checked.policy : null
  if (policy === null) return { entry, root, policy, keyring: null }
  try {
    return {
      entry,
      root,
      policy,
      keyring: applyRegistry(before, policy.registry, entry.index, entry.at, accountsOf(root)),
    }
  } catch (error) {
    if (error instanceof KeyringError) return { entry, root, policy, keyring: null }
    throw error
  }
}

/**
 * Repeats the admission of one statement as of its entry.
 *
 * Does not check: what the head was at that moment, which no entry holds; the content that a statement binds is compared with
 * the facts of the verdict by `stands`, and until then the statement is about what it says. The nonce's issuance: the server's
 * key is out of reach, so that a nonce must only be the first of its kind.
 */
export function readmit(
  input: Pick<HistoryInput, 'blob' | 'acceleration'>,
  entry: EntryOf<'statement-admitted'>,
  state: AdmissionState,
  earlier: Earlier,
): StatementStep {
  const { blob, acceleration } = input
  const nothing: StatementStep = { entry, statement: null, admission: null, admitted: null }
  const value = blob(entry.data.payloadDigest)
  const { policy } = state
  const signedRequirement: Requirement | null = readRequirement(blob(entry.data.requirement))
  const requirement = readRequirement(blob(entry.data.inForce))
  const signature = decodeBase64Url(entry.data.signature)
  if (
    value === undefined ||
    requirement === null ||
    signedRequirement === null ||
    signature === undefined ||
    policy === null
  )
    return nothing
  const payload = canonicalBytes(value)
  const parsed = parseStatement(payload)
  const subject = entry.subject.kind === 'change' ? entry.subject : null
  if (!parsed.ok || subject === null) {
    const admission: Admission = parsed.ok
      ? { ok: false, code: 'wrong-number', detail: null }
      : { ok: false, code: parsed.code, detail: parsed.field }
    return { ...nothing, admission }
  }
  const { statement } = parsed
  const { pullRequest, nonce, signer } = statement.predicate
  const admission = admit(
    { payload, signature },
    {
      origin: state.origin,
      subject: {
        repositoryId: subject.repository,
        number: subject.number,
        head: statement.head,
        headTree: statement.headTree,
        baseRef: pullRequest.baseRef,
        changeDigest: pullRequest.changeDigest,
        isGovernance: statement.predicate.action === 'policy-change',
      },
      requirement,
      signedRequirement,
      epoch: state.epoch,
      options: policy.options,
      tiers: Object.keys(policy.tiers),
      keyring: state.keyring,
      entry: entry.index,
      at: entry.at,
      expectedNonce: null,
      ...seenBefore(entry, nonce, signer.maintainer, earlier),
      acceleration,
    },
  )
  const admitted = admission.ok ? { ...admission.draft, entry: entry.index, at: entry.at } : null
  return { entry, statement, admission, admitted }
}

type Earlier = readonly (StatementStep | ReleaseStatementStep)[]

/** Says whether an earlier statement has this nonce, or is this one. */
function seenBefore(entry: EntryOf<'statement-admitted'>, nonce: string, signer: AccountId, earlier: Earlier) {
  return {
    nonceUsed: earlier.some((other) => other.statement?.predicate.nonce === nonce),
    isRecorded: earlier.some(
      (other) =>
        other.entry.data.payloadDigest === entry.data.payloadDigest &&
        other.statement?.predicate.signer.maintainer === signer,
    ),
  }
}

/**
 * Repeats the admission of one statement about a release as of its entry.
 *
 * Does not check: that the revision landed, which the one landing of the release's own file shows.
 */
export function readmitRelease(
  { blob, acceleration }: Pick<HistoryInput, 'blob' | 'acceleration'>,
  entry: EntryOf<'statement-admitted'>,
  state: AdmissionState,
  earlier: Earlier,
): ReleaseStatementStep {
  const value = blob(entry.data.payloadDigest)
  const requirement = readRequirement(blob(entry.data.inForce))
  const signature = decodeBase64Url(entry.data.signature)
  const { policy } = state
  const { subject } = entry
  if (value === undefined || requirement === null || signature === undefined || !policy || subject.kind !== 'release')
    return { entry, statement: null, admission: null, admitted: null }
  const payload = canonicalBytes(value)
  const parsed = parseReleaseStatement(payload)
  const statement = parsed.ok ? parsed.statement : null
  const { nonce, signer } = statement?.predicate ?? { nonce: '', signer: { maintainer: 0 as AccountId } }
  const admission = admitRelease(
    { payload, signature },
    {
      origin: state.origin,
      repositoryId: subject.repository,
      tag: subject.tag,
      isLanded: true,
      requirement,
      epoch: state.epoch,
      options: policy.options,
      keyring: state.keyring,
      entry: entry.index,
      at: entry.at,
      expectedNonce: null,
      ...seenBefore(entry, nonce, signer.maintainer, earlier),
      acceleration,
    },
  )
  const admitted = admission.ok ? { ...admission.draft, entry: entry.index, at: entry.at } : null
  return { entry, statement, admission, admitted }
}

const admissionState = ({ origin, policy, keyring }: State): AdmissionState => ({
  origin,
  policy: policy?.policy ?? null,
  epoch: policy?.entry.data.epoch ?? 0,
  keyring,
})

/**
 * Replays what entries say about policies, keys and statements, in log order: the same code that the server ran.
 *
 * Errs: what cannot be replayed leaves the state as it was; the steps of the verifier say what is wrong with it.
 */
export function replayHistory(input: HistoryInput): History {
  let genesis: History['genesis'] = null
  let root: PolicyStep['root'] = null
  const nothing: State = { origin: '', policy: null, keyring: emptyKeyring, voidBefore: 0 }
  let state = nothing
  const states: { readonly from: LogIndex; readonly state: State }[] = []
  const policies: PolicyStep[] = []
  const statements: StatementStep[] = []
  const releases: ReleaseStatementStep[] = []
  const earlier: (StatementStep | ReleaseStatementStep)[] = []
  for (const entry of input.entries) {
    if (entry.type === 'genesis') {
      genesis ??= entry
      root = entry
      state = { ...state, origin: genesis.data.origin }
    } else if (entry.type === 'log-broken') {
      // Whether the root signed it is for the step that judges heads; a break that nobody can read changes nothing.
      state = { ...state, origin: readLogBreak(entry.data.break)?.next.name ?? state.origin }
    } else if (entry.type === 'policy-regenesis') root = entry
    else if (entry.type === 'policy-in-force') {
      const own: PolicyStep['root'] = root !== null && root.index + 1 === entry.index ? root : null
      const step = takeEffect(input, entry, own, state.keyring)
      policies.push(step)
      const voidBefore = own?.type === 'policy-regenesis' ? entry.index : state.voidBefore
      state = { ...state, policy: step, keyring: step.keyring ?? state.keyring, voidBefore }
    } else if (entry.type === 'statement-admitted' && entry.subject.kind === 'release') {
      const step = readmitRelease(input, entry, admissionState(state), earlier)
      releases.push(step)
      earlier.push(step)
    } else if (entry.type === 'statement-admitted') {
      const step = readmit(input, entry, admissionState(state), earlier)
      const target = step.statement?.predicate.target
      if (step.admitted !== null && target !== undefined) {
        const about = statements.flatMap(({ admitted }) =>
          admitted?.statement.predicate.target === target ? [admitted] : [],
        )
        state = { ...state, keyring: afterStatement(state.keyring, about, step.admitted) }
      }
      statements.push(step)
      earlier.push(step)
    } else continue
    states.push({ from: entry.index, state })
  }
  return {
    genesis,
    policies,
    statements,
    releases,
    stateBefore: (index) => states.findLast(({ from }) => from < index)?.state ?? nothing,
  }
}
