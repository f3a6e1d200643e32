import {
  type AdmittedRelease,
  type CommitId,
  type Keyring,
  releaseRequirement,
  type Requirement,
  type Sha256,
} from '../../core/index.ts'
import { governing } from '../gate/judge.ts'
import { standingStatements } from '../gate/void-approvals.ts'
import type { Memory, PolicyRecord, Registry, RepositoryRecord, Statements } from '../ports.ts'
import type { Landings, MatchedLanding } from '../record/landings-by-commit.ts'

/** What everything about a release is computed from, as of now. */
export interface ReleaseBasis {
  readonly repository: RepositoryRecord
  readonly policy: PolicyRecord
  readonly keyring: { readonly keyring: Keyring; readonly digest: Sha256 }
  /** What a release of the repository needs. */
  readonly requirement: Requirement
  /** The landing that brought the revision onto a governed branch. */
  readonly landing: MatchedLanding
}

export type ReleaseBasisResult =
  | { readonly ok: true; readonly basis: ReleaseBasis }
  | { readonly ok: false; readonly code: 'not-governed' | 'revision-not-matched' }

/** Reads the basis of a release from the store, or says why nothing of this revision can be released. */
export async function releaseBasis(
  needs: { readonly registry: Registry; readonly landings: Landings },
  repositoryId: RepositoryRecord['id'],
  revision: CommitId,
): Promise<ReleaseBasisResult> {
  const governed = await governing(needs, repositoryId)
  const keyring = await needs.registry.keyring()
  if (governed === null || keyring === null) return { ok: false, code: 'not-governed' }
  const { repository, policy } = governed
  const requirement = releaseRequirement(policy.policy, repository.name, keyring.keyring)
  if (requirement === null) return { ok: false, code: 'not-governed' }
  const landing = await needs.landings.find(repository, revision)
  if (landing === null) return { ok: false, code: 'revision-not-matched' }
  return { ok: true, basis: { repository, policy, keyring, requirement, landing } }
}

/** The admitted statements about a tag that no regenesis made void, in log order. */
export const releaseStatements = async (
  needs: { readonly statements: Pick<Statements, 'forRelease'>; readonly memory: Pick<Memory, 'cursor'> },
  repository: RepositoryRecord['id'],
  tag: string,
): Promise<readonly AdmittedRelease[]> =>
  standingStatements(needs.memory, await needs.statements.forRelease(repository, tag))
