import type { Requirement, ResolvedQuorum } from './policy-v1.ts'

/** Why an approval given under one requirement does not stand under another. */
export type CoverFault =
  | 'quorum-missing'
  | 'quorum-laxer'
  | 'persons-changed'
  | 'review-laxer'
  | 'public-comment-laxer'
  | 'condition-missing'
  | 'check-missing'

/** Whether the requirement in force is component-wise at least the signed one, and if not, in what it falls short. */
export type Covered = { readonly ok: true } | { readonly ok: false; readonly code: CoverFault; readonly what: string }

const samePersons = (a: ResolvedQuorum, b: ResolvedQuorum): boolean => {
  const inForce = new Set(a.persons)
  const signed = new Set(b.persons)
  return inForce.size === signed.size && [...signed].every((person) => inForce.has(person))
}

/**
 * Decides whether a signature given under the requirement `signed` still speaks for the requirement `inForce`: same
 * persons per set, and at least as many signatures, days, conditions and checks. A laxer requirement or another list of
 * persons voids it; a stricter one or an edited total does not.
 *
 * Errs: towards voiding. Spec: replay rule 7.
 */
export function covers(inForce: Requirement, signed: Requirement): Covered {
  const no = (code: CoverFault, what: string): Covered => ({ ok: false, code, what })
  for (const quorum of signed.quorums) {
    const now = inForce.quorums.find(({ set }) => set === quorum.set)
    if (now === undefined) return no('quorum-missing', quorum.set)
    if (now.required < quorum.required) return no('quorum-laxer', quorum.set)
    if (!samePersons(now, quorum)) return no('persons-changed', quorum.set)
  }
  if (inForce.reviewDays < signed.reviewDays) return no('review-laxer', 'reviewDays')
  if (inForce.publicCommentDays < signed.publicCommentDays) return no('public-comment-laxer', 'publicCommentDays')
  for (const condition of signed.conditions) {
    if (!inForce.conditions.includes(condition)) return no('condition-missing', condition)
  }
  for (const check of signed.checks) {
    const isKept = inForce.checks.some(
      (now) => now.name === check.name && now.appId === check.appId && now.workflow === check.workflow,
    )
    if (!isKept) return no('check-missing', check.name)
  }
  return { ok: true }
}
