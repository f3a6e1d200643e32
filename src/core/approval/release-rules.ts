import type { CommitId, RepositoryId, Sha256 } from '../ids.ts'
import { covers } from '../policy/covers.ts'
import type { Requirement } from '../policy/policy-v1.ts'
import type { ReleaseDecision, ReleaseStatement } from './release-predicate.ts'

/** What a statement about a release binds, decision by decision. */
export interface ReleaseRules {
  readonly carriesReason: boolean
  /** Rule 5: revision and artefacts. Repository and tag are bound always; they are what a release is. */
  readonly bindsContent: boolean
  /** Rule 7. */
  readonly bindsRequirement: boolean
  /** Rule 8 at every evaluation; what blocks or takes back does not lapse. */
  readonly expires: boolean
}

/**
 * The subject table of the action `release`: one row per decision. Rules 1, 2, 3 and 8 to 12 hold as for changes; the tag
 * stands in the place of the number (rule 4), revision and artefacts in the place of head and content (rule 5). Rule 6 has
 * nothing to say: what a release needs depends on the repository and on no branch.
 *
 * A veto is about the tag whatever is released under it, so that another build does not shake it off.
 */
export const releaseRules: Readonly<Record<ReleaseDecision, ReleaseRules>> = {
  approve: { carriesReason: false, bindsContent: true, bindsRequirement: true, expires: true },
  veto: { carriesReason: true, bindsContent: false, bindsRequirement: false, expires: false },
  withdraw: { carriesReason: false, bindsContent: false, bindsRequirement: false, expires: false },
}

/** What is to be released: exactly these bytes, built from exactly this revision, under this tag. */
export interface ReleaseSubject {
  readonly repositoryId: RepositoryId
  readonly tag: string
  readonly revision: CommitId
  /** SHA-256 of the bytes of `SHA256SUMS`. */
  readonly artifacts: Sha256
}

/** Why a statement is not about this release. */
export type ReleaseBindingFaultCode =
  | 'wrong-repository'
  | 'wrong-tag'
  | 'wrong-revision'
  | 'wrong-artifacts'
  | 'requirement-changed'

/**
 * Rules 3, 4, 5 and 7 for releases, by the subject table; null when the statement is about this release.
 *
 * Trust: `signed` is the requirement whose digest the statement holds, null when nobody knows it.
 */
export function releaseBindingFault(
  { predicate }: ReleaseStatement,
  signed: Requirement | null,
  { subject, requirement }: { readonly subject: ReleaseSubject; readonly requirement: Requirement },
): ReleaseBindingFaultCode | null {
  const { release, repository, decision } = predicate
  const rules = releaseRules[decision]
  if (repository.id !== subject.repositoryId) return 'wrong-repository'
  if (release.tag !== subject.tag) return 'wrong-tag'
  if (rules.bindsContent) {
    if (release.revision !== subject.revision) return 'wrong-revision'
    if (release.artifacts !== subject.artifacts) return 'wrong-artifacts'
  }
  if (rules.bindsRequirement && (signed === null || !covers(requirement, signed).ok)) return 'requirement-changed'
  return null
}
