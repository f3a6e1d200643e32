import type { CommitId, RepositoryId, Sha256, TreeId } from '../ids.ts'
import type { Requirement } from '../policy/policy-v1.ts'
import { covers } from '../policy/covers.ts'
import { decisionRules } from './decision-rules.ts'
import type { Statement } from './statement.ts'

/** The change that a statement must be about: what is the head of the pull request now. */
export interface ChangeSubject {
  readonly repositoryId: RepositoryId
  readonly number: number
  readonly head: CommitId
  readonly headTree: TreeId
  readonly baseRef: string
  readonly changeDigest: Sha256
  /** The repository is the governance repository: its changes are policy changes. */
  readonly isGovernance: boolean
}

/** Why a statement is not about this change. `expired` belongs here because `admit` and `stands` share it. */
export type BindingFaultCode =
  | 'wrong-action'
  | 'wrong-repository'
  | 'wrong-number'
  | 'wrong-head'
  | 'wrong-tree'
  | 'wrong-base'
  | 'requirement-changed'
  | 'expired'

export interface BindingContext {
  readonly subject: ChangeSubject
  readonly requirement: Requirement
  readonly approvalsSurviveRebase: boolean
}

/**
 * Rules 3 to 7 of formats.md, by the subject table; null when the statement is about this change.
 *
 * Checks: a head other than the signed one stands only where the policy lets approvals survive a rebase and the content is
 * equal; equal content under the signed head is asked for too, because a moved base can change what one head brings.
 * Trust: `signed` is the requirement whose digest the statement holds, null when nobody knows it.
 */
export function bindingFault(
  statement: Statement,
  signed: Requirement | null,
  { subject, requirement, approvalsSurviveRebase }: BindingContext,
): BindingFaultCode | null {
  const { action, decision, repository, pullRequest } = statement.predicate
  const rules = decisionRules[decision]
  if (!rules.bindsPullRequest) return null
  if (action === 'pull-request' ? subject.isGovernance : action === 'policy-change' && !subject.isGovernance) {
    return 'wrong-action'
  }
  if (repository.id !== subject.repositoryId) return 'wrong-repository'
  if (pullRequest.number !== subject.number) return 'wrong-number'
  if (rules.bindsContent) {
    const isSameContent = pullRequest.changeDigest === subject.changeDigest
    const isSameHead = pullRequest.headSha === subject.head
    if (!isSameContent || !(isSameHead || approvalsSurviveRebase)) return 'wrong-head'
    if (isSameHead && statement.headTree !== subject.headTree) return 'wrong-tree'
    if (pullRequest.baseRef !== subject.baseRef) return 'wrong-base'
  }
  if (rules.bindsRequirement && (signed === null || !covers(requirement, signed).ok)) return 'requirement-changed'
  return null
}
