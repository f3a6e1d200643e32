/** Who plays: the people of the registry with real keys, and the governance repository that names them. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from 'node:crypto'
import { type GovernanceFiles, sampleGovernanceFiles, samplePersons } from '../fixtures/governance-repository.ts'

/** Logins by registry file, in the order of the sample's entries. */
const names: Readonly<Record<string, readonly string[]>> = {
  'layer-5': ['bob', 'carol', 'dave', 'erin', 'frank'],
  'layer-4': ['grace', 'heidi', 'ivan', 'judy', 'kevin'],
  'layer-3': ['laura', 'marco', 'nadia', 'oliver', 'peggy'],
  'layer-1-2': ['quinn', 'rosa', 'samir', 'tanja', 'ulrich', 'vera', 'walter'],
  emergency: ['xenia', 'yusuf', 'zoe', 'amir', 'bruna', 'chiara', 'diego'],
}

/** Who signs with the real command line; their keys lie in encrypted files. */
export const signers = ['bob', 'carol', 'dave'] as const
export type SignerName = (typeof signers)[number]

/** The author of the changes, who is no maintainer. */
export const author = 'alice'
/** Who attacks. */
export const attacker = 'mallory'
/** Administers both repositories at the forge; has no key. */
export const administrator = 'oscar'

export interface Person {
  readonly set: string
  readonly login: string
  readonly publicHex: string
  /** Null where only the person's own key file holds it. */
  readonly secret: Uint8Array | null
}

/** Everybody of the registry. Keys that no signer brings are made here. */
export function castOf(brought: ReadonlyMap<string, string>): readonly Person[] {
  const people: Person[] = []
  for (const [set, logins] of Object.entries(names))
    for (const login of logins) {
      const publicHex = brought.get(login)
      if (publicHex !== undefined) {
        people.push({ set, login, publicHex, secret: null })
        continue
      }
      const secret = new Uint8Array(randomBytes(32))
      people.push({ set, login, publicHex: Buffer.from(secp256k1.getPublicKey(secret)).toString('hex'), secret })
    }
  return people
}

/** The sample's governance repository with these people, and their accounts at the forge, in it. */
export function governanceFiles(
  people: readonly Person[],
  accountOf: (login: string) => number,
): Readonly<Record<string, string>> {
  const keys: Record<string, string[]> = {}
  const accounts: Record<string, number[]> = {}
  for (const { set, login, publicHex } of people) {
    keys[set] = [...(keys[set] ?? []), publicHex]
    accounts[set] = [...(accounts[set] ?? []), accountOf(login)]
  }
  const files: GovernanceFiles = sampleGovernanceFiles({ keys, accounts })
  for (const [set, placeholders] of Object.entries(samplePersons)) {
    const path = `config/maintainers/${set}.yml`
    let text = files.get(path) ?? ''
    for (const [at, placeholder] of placeholders.entries())
      text = text.replace(`github: ${placeholder}\n`, `github: ${names[set]?.[at] ?? placeholder}\n`)
    files.set(path, text)
  }
  files.set('README.md', '# Governance\n\nWho may aprove what, and how long it takes.\n')
  return Object.fromEntries(files)
}

/** What the governed repository holds at the beginning. */
export const sdkFiles: Readonly<Record<string, string>> = {
  'README.md': '# sdk\n',
  'docs/install.md': 'Install it with npm.\n',
  'docs/retry.md': 'Requests are retried.\n',
  'src/client.ts': 'export const retries = 3\n',
}
