import { accountOfAddress, type AccountId, type Attribution } from '../../core/index.ts'

/** What the forge tells of one person of a commit: the address, and the account it maps the address to. */
export interface Person {
  readonly email: string
  readonly account: AccountId | null
}

const nobody: Attribution = { account: null, how: 'none' }
const forge: Attribution = { account: null, how: 'forge' }
const forgeAddress = /^noreply@/i

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
