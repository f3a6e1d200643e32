import type { AdmittedRelease } from '../approval/release-predicate.ts'
import {
  type ReleaseBindingFaultCode,
  releaseBindingFault,
  releaseRules,
  type ReleaseSubject,
} from '../approval/release-rules.ts'
import { historyFault, keyIsGood, type StandingFaultCode, type VoteHistory, voteHistory } from '../approval/stands.ts'
import type { AccountId, Instant, LogIndex } from '../ids.ts'
import { canSign, personsOf } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { ownMember } from '../policy/own-member.ts'
import type { PolicyOptions, PolicyV1, Requirement, ResolvedQuorum, SetId, Tier } from '../policy/policy-v1.ts'
import { combineQuorums } from '../policy/requirement.ts'

/**
 * What a release of a repository needs: the signatures that its layer and its own standing tiers ask for, and nothing else.
 * Its content passed its review when it landed, so no days and no conditions are asked for again. Null where the policy does
 * not know the repository, its layer or a tier of it; there is no default.
 *
 * Errs: towards more signatures. Spec: spec/approval/replay-rules.md, "Releases".
 */
export function releaseRequirement(policy: PolicyV1, repository: string, keyring: Keyring): Requirement | null {
  const own = ownMember(policy.repositories, repository)
  const layerId = repository === policy.governanceRepository ? '0' : own?.layer
  const layer = layerId === undefined ? undefined : ownMember(policy.layers, layerId)
  if (layer === undefined) return null
  const tiers: Tier[] = []
  for (const id of own?.tiers ?? []) {
    const tier = ownMember(policy.tiers, id)
    if (tier === undefined) return null
    tiers.push(tier)
  }
  return {
    quorums: combineQuorums(layer, tiers).map((quorum) => ({ ...quorum, persons: personsOf(keyring, quorum.set) })),
    reviewDays: 0,
    publicCommentDays: 0,
    conditions: [],
    checks: [],
  }
}

export type ReleaseFaultCode = StandingFaultCode | ReleaseBindingFaultCode

/** How one quorum of a release stands. */
export interface ReleaseQuorum {
  readonly quorum: ResolvedQuorum
  /** Distinct persons whose approvals count, ascending. */
  readonly persons: readonly AccountId[]
  /** Persons of the set who could still add theirs, ascending. */
  readonly open: readonly AccountId[]
}

/** Whether a release may be signed, and why. */
export interface ReleaseDecided {
  /** What was asked for. */
  readonly requirement: Requirement
  readonly isMet: boolean
  readonly quorums: readonly ReleaseQuorum[]
  /** Persons whose veto stands and is not out-voted, ascending. */
  readonly vetoedBy: readonly AccountId[]
  /** Entries of the approvals that count, ascending. */
  readonly counted: readonly LogIndex[]
  /** Statements that have no effect, and why, by entry. */
  readonly fallen: readonly {
    readonly entry: LogIndex
    readonly person: AccountId
    readonly code: ReleaseFaultCode
  }[]
}

export interface ReleaseInput {
  readonly subject: ReleaseSubject
  readonly requirement: Requirement
  readonly options: Pick<PolicyOptions, 'vetoOutvotedBy'>
  /** Every admitted statement about this repository and tag that no regenesis made void. */
  readonly statements: readonly AdmittedRelease[]
  readonly keyring: Keyring
  readonly at: Instant
}

interface Judgement extends ReleaseInput {
  readonly history: VoteHistory
}

const signerOf = ({ statement }: AdmittedRelease): AccountId => statement.predicate.signer.maintainer

/** Rules 3 to 5, 7, 8, 10 and 11 now, for one set. */
function standingFault(admitted: AdmittedRelease, set: SetId, judgement: Judgement): ReleaseFaultCode | null {
  const { predicate } = admitted.statement
  const { history, keyring, at } = judgement
  const acts = history.get(predicate.signer.maintainer)
  const old = acts === undefined ? null : historyFault(admitted, acts)
  if (old !== null) return old
  const binding = releaseBindingFault(admitted.statement, admitted.requirement, judgement)
  if (binding !== null) return binding
  if (releaseRules[predicate.decision].expires && predicate.expiresAt <= at) return 'expired'
  const key = keyIsGood(admitted, keyring, set, at)
  return key === 'active' ? null : key
}

/** Null when the statement stands in one of the sets; otherwise why it stands in none. */
function faultInAll(admitted: AdmittedRelease, judgement: Judgement): ReleaseFaultCode | null {
  const faults = judgement.requirement.quorums.map(({ set }) => standingFault(admitted, set, judgement))
  return faults.includes(null) ? null : (faults.find((fault) => fault !== 'not-in-set') ?? 'not-in-set')
}

const ascending = (accounts: Iterable<AccountId>): readonly AccountId[] => [...new Set(accounts)].sort((a, b) => a - b)

/**
 * Decides whether the quorum approved exactly this release: this repository, tag, revision and list of artefacts.
 *
 * Trust: the statements passed `admitRelease` and stand in the log; everything else can have changed since.
 * Checks: one vote per person, the latest by log position; keys both at their entries and now; vetoes.
 * Does not check: signatures (once, at admission); authorship, which is a matter of changes.
 */
export function decideRelease(input: ReleaseInput): ReleaseDecided {
  const { requirement, statements, keyring, at, options } = input
  const judgement = { ...input, history: voteHistory(statements, keyring, at) }
  const approvals = statements.filter(({ statement }) => statement.predicate.decision === 'approve')
  const counted = new Set<LogIndex>()
  const quorums = requirement.quorums.map((quorum) => {
    const standing = approvals.filter((one) => standingFault(one, quorum.set, judgement) === null)
    for (const { entry } of standing) counted.add(entry)
    const persons = ascending(standing.map(signerOf))
    const open = quorum.persons.filter((one) => !persons.includes(one) && canSign(keyring, one, quorum.set, at))
    return { quorum, persons, open }
  })
  const fallen: { entry: LogIndex; person: AccountId; code: ReleaseFaultCode }[] = []
  const vetoing = new Set<AccountId>()
  for (const one of statements) {
    const { decision } = one.statement.predicate
    if (decision === 'withdraw') continue
    const code = faultInAll(one, judgement)
    if (code !== null) fallen.push({ entry: one.entry, person: signerOf(one), code })
    else if (decision === 'veto') vetoing.add(signerOf(one))
  }
  const { vetoOutvotedBy } = options
  const isOutvoted =
    vetoOutvotedBy !== null &&
    quorums.every(({ quorum, persons }) => persons.length >= quorum.required + vetoing.size * vetoOutvotedBy)
  const vetoedBy = isOutvoted ? [] : ascending(vetoing)
  const isReached =
    quorums.length > 0 && quorums.every(({ quorum, persons }) => persons.length >= Math.max(1, quorum.required))
  return {
    requirement,
    isMet: isReached && vetoedBy.length === 0,
    quorums,
    vetoedBy,
    counted: [...counted].sort((a, b) => a - b),
    fallen,
  }
}
