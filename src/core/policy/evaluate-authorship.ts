import type { Facts } from '../facts/facts.ts'
import type { AccountId, CommitId } from '../ids.ts'
import type { PolicyOptions } from './policy-v1.ts'

/** Who made the change, by what can be denied and what cannot. */
export interface Authorship {
  /** The opener, who pushed, and who is on a commit with the own signature; and the ground. */
  readonly certain: ReadonlyMap<AccountId, 'opener' | 'pusher' | 'signature'>
  /** Commits that name an account by e-mail or trailer: words that anybody can write. */
  readonly claimed: ReadonlyMap<AccountId, readonly CommitId[]>
  /** Commits of which some author, committer or co-author could not be named. */
  readonly unattributed: readonly CommitId[]
}

export type AuthorshipFault =
  | { readonly code: 'author-of-change'; readonly role: string; readonly commit: CommitId | null }
  | { readonly code: 'unattributed-commit-not-denied'; readonly commit: CommitId }

/**
 * Sorts the attributions of a change.
 *
 * Trust: e-mail addresses and trailers are the author's words; opener, pushers and verified signatures are the forge's.
 * Checks: the forge's own committer is nobody.
 */
export function authorshipOf(facts: Facts): Authorship {
  const certain = new Map<AccountId, 'opener' | 'pusher' | 'signature'>()
  const claimed = new Map<AccountId, CommitId[]>()
  const unattributed: CommitId[] = []
  for (const { sha, author, committer, coAuthors } of facts.commits) {
    let isNamed = true
    for (const { account, how } of [author, committer, ...coAuthors]) {
      if (how === 'forge') continue
      if (how === 'none' || account === null) isNamed = false
      else if (how === 'signature') certain.set(account, 'signature')
      else {
        const commits = claimed.get(account)
        if (commits === undefined) claimed.set(account, [sha])
        else if (commits.at(-1) !== sha) commits.push(sha)
      }
    }
    if (!isNamed) unattributed.push(sha)
  }
  for (const pusher of facts.pushers) certain.set(pusher, 'pusher')
  certain.set(facts.opener, 'opener')
  return { certain, claimed, unattributed }
}

/**
 * Commits of which a signer must say "not mine": those that name nobody, and those that only words attribute to the signer.
 * A statement that denies all of them meets no `authorshipFault` but a certain one.
 */
export function commitsToDeny(facts: Facts, account: AccountId): readonly CommitId[] {
  const { claimed, unattributed } = authorshipOf(facts)
  const denied = new Set([...(claimed.get(account) ?? []), ...unattributed])
  return facts.commits.map(({ sha }) => sha).filter((sha) => denied.has(sha))
}

/**
 * Says why a person may not approve this change as one of its authors, or null.
 *
 * Checks: a certain author never counts, whatever is denied (T39). Who is named by e-mail or trailer counts when the own signed
 * statement denies each of those commits, and everybody must deny each commit that names nobody (T17).
 * Errs: towards not counting.
 * Spec: domain.md "Approvals".
 */
export function authorshipFault(
  authorship: Authorship,
  options: PolicyOptions,
  account: AccountId,
  notAuthorOf: readonly CommitId[],
): AuthorshipFault | null {
  if (options.authorsMayApprove) return null
  const role = authorship.certain.get(account)
  if (role !== undefined) return { code: 'author-of-change', role, commit: null }
  const isDenied = (commit: CommitId): boolean => notAuthorOf.includes(commit)
  const claimed = authorship.claimed.get(account)?.find((commit) => !isDenied(commit))
  if (claimed !== undefined) return { code: 'author-of-change', role: 'named', commit: claimed }
  const unnamed = authorship.unattributed.find((commit) => !isDenied(commit))
  return unnamed === undefined ? null : { code: 'unattributed-commit-not-denied', commit: unnamed }
}
