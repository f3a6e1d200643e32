import {
  type AccountId,
  asInstant,
  asLogIndex,
  buildReleaseStatement,
  dayMs,
  type Instant,
  type KeyId,
  maxLifetimeMs,
  releaseNonceFor,
  type ReleaseStatement,
  requirementDigest,
  type Sha256,
  statementPae,
} from '../../core/index.ts'
import { type Challenge, type ChallengeNeeds, commandOf, personNamed, speakingKey } from '../gate/challenge.ts'
import { signCommands } from '../gate/signing-commands.ts'
import type { Clock, DecisionLog } from '../ports.ts'
import type { Landings } from '../record/landings-by-commit.ts'
import { type ReleaseBasis, releaseBasis } from './release-basis.ts'
import type { ReleaseWish } from './release-wish.ts'

export interface ReleaseChallengeNeeds
  extends Pick<ChallengeNeeds, 'registry' | 'statements' | 'nonceKey' | 'origin' | 'webUrl'> {
  readonly landings: Landings
  readonly log: Pick<DecisionLog, 'head'>
  readonly clock: Clock
}

/** A challenge about a release; there is no difference to compare. */
export type ReleaseChallenge = Omit<Challenge, 'diff'>

/** Builds the exact statement that the server expects of one signer. Of one day each is the same. */
function releaseStatementFor(
  needs: Pick<ReleaseChallengeNeeds, 'nonceKey' | 'origin' | 'webUrl'>,
  { repository, policy, requirement, landing }: ReleaseBasis,
  signer: { readonly account: AccountId; readonly keyid: KeyId; readonly recordedVotes: number },
  { tag, revision, artifacts, decision, reason }: ReleaseWish,
  now: Instant,
): ReleaseStatement {
  // A start that stands still for a day: asking again gives the same bytes, and a release of an old revision is not expired.
  const issuedAt = asInstant(Math.max(landing.at, Math.floor(now / dayMs) * dayMs))
  return {
    predicate: {
      action: 'release',
      decision,
      audience: needs.origin,
      repository: { uri: `${needs.webUrl}/${repository.name}`, id: repository.id },
      release: { tag, revision, artifacts },
      requirement: { digest: { sha256: requirementDigest(requirement) } },
      policy: { epoch: policy.epoch },
      signer: { maintainer: signer.account, keyid: signer.keyid },
      ...(reason === null ? {} : { reason }),
      nonce: releaseNonceFor(needs.nonceKey, {
        repositoryId: repository.id,
        tag,
        revision,
        artifacts,
        signer: signer.account,
        keyid: signer.keyid,
        recordedVotes: signer.recordedVotes,
      }),
      issuedAt,
      expiresAt: asInstant(issuedAt + maxLifetimeMs(policy.policy.options, requirement)),
    },
  }
}

/** Shows, in the folder of the signer's own artefacts, that their list is the signed one. */
const sumsCommand = (artifacts: Sha256): string =>
  `echo '${artifacts}  SHA256SUMS' | sha256sum --check - && sha256sum --check SHA256SUMS`

/**
 * Answers a signer with what to sign about a release. Public, idempotent, writes nothing.
 *
 * Trust: everything asked is a stranger's.
 * Checks: nothing is told about private repositories, revisions that did not land or unregistered maintainers: one null for all.
 */
export async function releaseChallenge(
  needs: ReleaseChallengeNeeds,
  asked: ReleaseWish & { readonly repository: string; readonly maintainer: string; readonly keyid: string | null },
): Promise<ReleaseChallenge | null> {
  const repositories = await needs.registry.repositories()
  const repository = repositories.find((known) => known.name.toLowerCase() === asked.repository.toLowerCase())
  if (repository === undefined || repository.private) return null
  const found = await releaseBasis(needs, repository.id, asked.revision)
  if (!found.ok) return null
  const { basis } = found
  const person = personNamed(basis.keyring.keyring, asked.maintainer)
  if (person === undefined) return null
  const at = needs.clock.now()
  const { size } = await needs.log.head()
  const place = { keyring: basis.keyring.keyring, requirement: basis.requirement, entry: asLogIndex(size), at }
  const keyid = speakingKey(place, person, asked.keyid)
  if (keyid === null) return null
  const recorded = await needs.statements.forRelease(repository.id, asked.tag)
  const recordedVotes = recorded.filter((one) => one.person === person.account).length
  const statement = releaseStatementFor(needs, basis, { account: person.account, keyid, recordedVotes }, asked, at)
  const payload = buildReleaseStatement(statement)
  return {
    payload,
    pae: statementPae(payload),
    keyid,
    expiresAt: statement.predicate.expiresAt,
    commands: [sumsCommand(asked.artifacts), ...signCommands(payload, commandOf(asked.decision))],
  }
}
