import {
  type AccountId,
  asInstant,
  buildStatement,
  commitsToDeny,
  type CommitId,
  type Decision,
  encodeBase64,
  encodeBase64Url,
  type Facts,
  formatInstant,
  type Instant,
  type KeyId,
  type Keyring,
  keyStatus,
  type LogIndex,
  maxLifetimeMs,
  nonceFor,
  type Person,
  type Requirement,
  type SetId,
  requirementDigest,
  signedCommands,
  type Statement,
  statementPae,
  type Verdict,
} from '../../core/index.ts'
import type { ChangeRecord, Changes, Memory, PolicyRecord, Registry, RepositoryRecord, Statements } from '../ports.ts'
import { governing } from './judge.ts'
import { cloneCheckCommands, signCommands } from './signing-commands.ts'
import type { VerdictReader } from './verdict-reader.ts'
import { restate, type Wish } from './wish.ts'

export interface ChallengeNeeds {
  readonly registry: Registry
  readonly changes: Changes
  readonly statements: Statements
  readonly memory: Memory
  readonly verdicts: VerdictReader
  /** 32 secret bytes from which every nonce is derived. */
  readonly nonceKey: Uint8Array
  /** Origin of the decision log: what every statement names as its audience. */
  readonly origin: string
  /** Where people see a repository, for the statement's `uri`. */
  readonly webUrl: string
}

export interface Challenge {
  readonly payload: Uint8Array
  readonly pae: Uint8Array
  readonly keyid: KeyId
  readonly expiresAt: Instant
  readonly commands: readonly string[]
  /** Where the signed difference starts; a signer's own git clone computes the rest. */
  readonly diff: { readonly from: CommitId }
}

/** All that a challenge is computed from; the same change and signer give the same bytes until the signer's vote is recorded. */
export interface ChallengeBasis {
  readonly repository: RepositoryRecord
  readonly policy: PolicyRecord
  readonly record: ChangeRecord
  readonly facts: Facts
  readonly verdict: Verdict
  readonly requirement: Requirement
  readonly keyring: Keyring
}

/** Where in the log, and when, a key is to speak. */
interface KeyMoment {
  readonly entry: LogIndex
  readonly at: Instant
}

/** Reads the basis from the store; null when nothing of this change can be signed now (draft, closed, not judged). */
export async function challengeBasis(
  needs: ChallengeNeeds,
  repositoryId: RepositoryRecord['id'],
  number: number,
): Promise<ChallengeBasis | null> {
  const governed = await governing(needs, repositoryId)
  const record = await needs.changes.find(repositoryId, number)
  const keyring = await needs.registry.keyring()
  if (governed === null || keyring === null || record?.facts == null || record.verdict === null) return null
  const verdict = await needs.verdicts.read(record.verdict.digest)
  if (record.clock === null || record.state !== 'open' || !verdict?.requirement) return null
  const facts = await needs.verdicts.facts(record.facts)
  if (facts === null) return null
  return {
    ...governed,
    record,
    facts,
    verdict,
    requirement: verdict.requirement,
    keyring: keyring.keyring,
  }
}

/** The key with which a person signs this change: the wanted one, or the first that speaks in a set of the requirement. */
export function signingKey(basis: ChallengeBasis, person: Person, wanted: string | null, at: Instant): KeyId | null {
  const entry = basis.record.verdict?.entry
  return entry === undefined ? null : speakingKey({ ...basis, entry, at }, person, wanted)
}

/** The key of a person that speaks under a requirement: the wanted one, or the first that counts there; null for none. */
export function speakingKey(
  { keyring, requirement, entry, at }: Pick<ChallengeBasis, 'keyring' | 'requirement'> & KeyMoment,
  person: Person,
  wanted: string | null,
): KeyId | null {
  const speaksIn = (sets: readonly (SetId | null)[]) =>
    person.keys
      .map((key) => key.keyid)
      .filter((keyid) =>
        sets.some(
          (set) => keyStatus(keyring, { account: person.account, keyid, set, entry, signedAt: at }, at) === 'active',
        ),
      )
  // A person may hold another key in each layer: the one that counts here comes first.
  const keys = [...speaksIn(requirement.quorums.map(({ set }) => set)), ...speaksIn([null])]
  return (wanted === null ? keys[0] : keys.find((keyid) => keyid === wanted)) ?? null
}

/** Builds the exact statement that the server expects of one signer. */
export function statementFor(
  needs: Pick<ChallengeNeeds, 'nonceKey' | 'origin' | 'webUrl'>,
  basis: ChallengeBasis,
  signer: { readonly account: AccountId; readonly keyid: KeyId; readonly recordedVotes: number },
  wish: Wish,
): Statement {
  const { repository, facts, requirement, policy, record } = basis
  const issuedAt = record.clock?.startedAt ?? record.verdict?.at ?? asInstant(0)
  const approval: Statement = {
    head: facts.head.sha,
    headTree: facts.head.tree,
    predicate: {
      action: facts.governance === null ? 'pull-request' : 'policy-change',
      decision: 'approve',
      audience: needs.origin,
      repository: { uri: `${needs.webUrl}/${repository.name}`, id: repository.id },
      pullRequest: {
        number: facts.number,
        headSha: facts.head.sha,
        baseRef: facts.base.ref,
        baseSha: facts.base.sha,
        changeDigest: facts.changeDigest,
      },
      requirement: { digest: { sha256: requirementDigest(requirement) } },
      policy: { epoch: policy.epoch },
      signer: { maintainer: signer.account, keyid: signer.keyid },
      notAuthorOf: commitsToDeny(facts, signer.account),
      nonce: nonceFor(needs.nonceKey, {
        repositoryId: repository.id,
        number: facts.number,
        head: facts.head.sha,
        baseRef: facts.base.ref,
        signer: signer.account,
        keyid: signer.keyid,
        recordedVotes: signer.recordedVotes,
      }),
      issuedAt,
      expiresAt: asInstant(issuedAt + maxLifetimeMs(policy.policy.options, requirement)),
    },
  }
  return restate(approval, wish)
}

/** The command whose comment carries a statement of this decision. */
export function commandOf(decision: Decision): string {
  for (const [name, decisions] of Object.entries(signedCommands))
    if ((decisions as readonly string[]).includes(decision)) return name
  return 'sign'
}

/** The person of the keyring with this login, or this account id in digits. */
export function personNamed(keyring: Keyring, name: string): Person | undefined {
  const login = name.toLowerCase()
  return keyring.persons.find((known) => known.login.toLowerCase() === login || String(known.account) === login)
}

/** A challenge as it is served; `ok: false` for null. */
export function challengeAnswer(
  made: (Omit<Challenge, 'diff'> & Partial<Pick<Challenge, 'diff'>>) | null,
): { readonly ok: true; readonly body: Readonly<Record<string, unknown>> } | { readonly ok: false } {
  if (made === null) return { ok: false }
  const { payload, pae, keyid, expiresAt, commands, diff } = made
  const body = {
    payload: encodeBase64Url(payload),
    pae: encodeBase64(pae),
    keyid,
    expiresAt: formatInstant(expiresAt),
    commands,
    ...(diff === undefined ? {} : { diff }),
  }
  return { ok: true, body }
}

/**
 * Answers a signer with what to sign. Public, idempotent, writes nothing.
 *
 * Trust: everything asked is a stranger's.
 * Checks: nothing is told about private repositories, unknown changes or unregistered maintainers: one null for all.
 */
export async function challenge(
  needs: ChallengeNeeds,
  asked: {
    readonly repository: string
    readonly number: number
    readonly maintainer: string
    readonly keyid: string | null
    readonly wish: Wish
  },
): Promise<Challenge | null> {
  const repositories = await needs.registry.repositories()
  const repository = repositories.find((known) => known.name.toLowerCase() === asked.repository.toLowerCase())
  if (repository === undefined || repository.private) return null
  const basis = await challengeBasis(needs, repository.id, asked.number)
  if (basis === null) return null
  const person = personNamed(basis.keyring, asked.maintainer)
  const at = basis.record.verdict?.at
  if (person === undefined || at === undefined) return null
  const keyid = signingKey(basis, person, asked.keyid, at)
  if (keyid === null) return null
  const recordedVotes = await needs.statements.count(repository.id, asked.number, person.account)
  return challengeFor(needs, basis, { account: person.account, keyid, recordedVotes }, asked.wish)
}

/** A challenge with its commands, for one signer. */
export function challengeFor(
  needs: Pick<ChallengeNeeds, 'nonceKey' | 'origin' | 'webUrl'>,
  basis: ChallengeBasis,
  signer: { readonly account: AccountId; readonly keyid: KeyId; readonly recordedVotes: number },
  wish: Wish,
): Challenge {
  const statement = statementFor(needs, basis, signer, wish)
  const payload = buildStatement(statement)
  return {
    payload,
    pae: statementPae(payload),
    keyid: signer.keyid,
    expiresAt: statement.predicate.expiresAt,
    commands: [...cloneCheckCommands(basis.facts), ...signCommands(payload, commandOf(wish.decision))],
    diff: { from: basis.facts.governance?.inForceCommit ?? basis.facts.mergeBase },
  }
}
