import type { AccountId, Attribution } from '../../core/index.ts'

/** What the forge tells of one person of a commit: the address, and the account it maps the address to. */
export interface Person {
  readonly email: string
  readonly account: AccountId | null
}

const nobody: Attribution = { account: null, how: 'none' }
const forge: Attribution = { account: null, how: 'forge' }
const forgeAddress = /^noreply@/i
const numberedAddress = /^(\d{1,15})\+[^@\s]+@users\.noreply\.[a-z0-9.-]+$/i
const trailer = /^[ \t]*co-authored-by:[^<\n]*<([^<>\n]*)>/gim

/** The account number inside a private address of the forge (`583231+octocat@users.noreply.github.com`). */
function accountOfAddress(email: string): AccountId | null {
  const id = Number(numberedAddress.exec(email)?.[1] ?? 0)
  return id > 0 ? (id as AccountId) : null
}

/** A person by an address, which anybody can write into a commit. */
export const byEmail = (person: Person): Attribution => {
  const account = person.account ?? accountOfAddress(person.email)
  return account === null ? nobody : { account, how: 'email' }
}

/** A co-author whom the forge named. */
export const byTrailer = (person: Person): Attribution => {
  const account = person.account ?? accountOfAddress(person.email)
  return account === null ? nobody : { account, how: 'trailer' }
}

/** A person on whose commit a verified signature of `signer` stands: proof for the signer, words for anybody else. */
export const bySignature = (person: Person, signer: AccountId | null): Attribution =>
  signer !== null && person.account === signer ? { account: signer, how: 'signature' } : byEmail(person)

/**
 * The committer of a commit. The forge's own committer is nobody, if the forge's own signature proves it; without that
 * proof somebody wrote the forge's address, and nobody can be named (T17).
 */
export function committerOf(
  person: Person,
  isForgeAccount: boolean,
  signature: { readonly signer: AccountId | null; readonly isForge: boolean } | null,
): Attribution {
  if (isForgeAccount || forgeAddress.test(person.email)) return signature?.isForge === true ? forge : nobody
  return bySignature(person, signature?.signer ?? null)
}

/**
 * The addresses of `Co-authored-by` lines, each once, for a forge that does not tell co-authors.
 *
 * Errs: reads such a line anywhere in the message, also where git would see no trailer; a name too many is denied by its
 * bearer, a name too few would let an author vote.
 */
export function coAuthorAddresses(message: string, author: string): readonly string[] {
  const found = new Set<string>()
  for (const match of message.matchAll(trailer)) found.add((match[1] as string).trim().toLowerCase())
  found.delete(author.toLowerCase())
  return [...found]
}
