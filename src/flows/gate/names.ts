import type { Keyring, NameOf } from '../../core/index.ts'
import type { Registry } from '../ports.ts'

/** Names of persons as the keyring last knew them: for people to read, never to decide by. */
function namesIn(keyring: Keyring | null): NameOf {
  const logins = new Map<number, string>((keyring?.persons ?? []).map((person) => [person.account, person.login]))
  return (account) => logins.get(account) ?? null
}

/** The names of the keyring in force. */
export const currentNames = async (registry: Pick<Registry, 'keyring'>): Promise<NameOf> =>
  namesIn((await registry.keyring())?.keyring ?? null)
