import { type KeyObject, randomBytes, sign } from 'node:crypto'
import { AppError } from '../../flows/app-error.ts'
import type { Custody } from '../../flows/ports.ts'
import { ed25519PrivateKey, ed25519PublicBytes, ed25519SeedBytes } from './ed25519-key.ts'
import {
  checkKeystore,
  type Entry,
  type EntryKind,
  entryNameSchema,
  formatKeystore,
  type KeystoreFile,
  keystoreFormat,
  parseKeystore,
} from './encrypted-file-format.ts'
import { createPrivateFile, readPrivateFile, refuseCustody, replacePrivateFile } from './private-file.ts'
import { type Place, seal, unseal } from './sealed.ts'
import { deriveFileKeys, type FileKeys, newUnlockHeader, type Unlock } from './unlock.ts'

/** Custody in one encrypted file, with the acts that change what it holds. */
export interface Keystore extends Custody {
  /** Identity of the file, and how often it was changed: what may be remembered elsewhere to see a rollback. */
  readonly id: string
  generation(): number
  /** Stores or replaces an entry. On return it survives loss of power. An Ed25519 key is given as its 32-byte seed. */
  put(name: string, kind: EntryKind, bytes: Uint8Array): Promise<void>
  /** Makes a key that never leaves custody and returns its raw public key. Refuses a name that is taken. */
  generateEd25519(name: string): Promise<Uint8Array>
  /** @throws AppError custody-not-found */
  remove(name: string): Promise<void>
}

/** Where a keystore lies and what opens it. */
export interface KeystoreLocation {
  readonly file: string
  readonly unlock: Unlock
}

/**
 * Makes an empty keystore.
 *
 * @throws AppError custody-refused, also when the file exists
 */
export async function createKeystore({ file, unlock }: KeystoreLocation): Promise<Keystore> {
  const header = newUnlockHeader(unlock)
  const id = randomBytes(16).toString('hex')
  const keys = deriveFileKeys(unlock, header, id)
  const empty = { format: keystoreFormat, id, generation: 1, unlock: header, check: keys.check, entries: [] } as const
  createPrivateFile(file, formatKeystore(keys, { ...empty, entries: [] }))
  return keystoreOn(file, keys, parseKeystore(readPrivateFile(file)))
}

/**
 * Opens a keystore.
 *
 * Checks: file mode, owner, no symbolic link; that the unlock is right; that nobody without it changed the file. Every
 * entry is bound to file, name, kind and version.
 * Does not check: whether the whole file is an older copy of itself; `id` and `generation` let the caller.
 * @throws AppError custody-not-found, custody-refused
 */
export async function openKeystore({ file, unlock }: KeystoreLocation): Promise<Keystore> {
  const parsed = parseKeystore(readPrivateFile(file))
  const keys = deriveFileKeys(unlock, parsed.unlock, parsed.id)
  checkKeystore(keys, parsed)
  return keystoreOn(file, keys, parsed)
}

function keystoreOn(path: string, keys: FileKeys, opened: KeystoreFile): Keystore {
  let file = opened
  /** Signing keys that were used, decrypted once; outside of the JavaScript heap. */
  const signingKeys = new Map<string, KeyObject>()

  const placeOf = ({ name, kind, version }: Pick<Entry, 'name' | 'kind' | 'version'>): Place => [
    keystoreFormat,
    file.id,
    name,
    kind,
    version,
  ]

  const find = (name: string, kind: EntryKind): Entry => {
    const entry = file.entries.find((candidate) => candidate.name === name)
    if (entry === undefined)
      throw new AppError('custody-not-found', `the keystore holds no ${name}`, { data: { name } })
    if (entry.kind !== kind) refuseCustody('kind-wrong', `${name} is no ${kind}`)
    return entry
  }

  const signingKey = (name: string): KeyObject => {
    const entry = find(name, 'ed25519')
    const known = signingKeys.get(name)
    if (known !== undefined) return known
    const seed = unseal(keys.encryption, placeOf(entry), entry.sealed)
    try {
      const key = ed25519PrivateKey(seed)
      signingKeys.set(name, key)
      return key
    } finally {
      seed.fill(0)
    }
  }

  const replaceEntries = (entries: readonly Entry[]): void => {
    // Somebody else's change since we read the file would be lost silently.
    const onDisk = parseKeystore(readPrivateFile(path))
    checkKeystore(keys, onDisk)
    if (onDisk.id !== file.id || onDisk.generation !== file.generation)
      refuseCustody('keystore-moved', 'the keystore was changed since it was opened; open it again')
    const { mac: _mac, ...rest } = file
    const bytes = formatKeystore(keys, { ...rest, generation: file.generation + 1, entries: [...entries] })
    replacePrivateFile(path, bytes)
    file = parseKeystore(bytes)
    signingKeys.clear()
  }

  const write = (name: string, kind: EntryKind, bytes: Uint8Array): void => {
    if (!entryNameSchema.safeParse(name).success)
      refuseCustody('name-invalid', 'an entry name is at most 64 of a-z, 0-9, dot and hyphen')
    if (kind === 'ed25519' && bytes.length !== ed25519SeedBytes)
      refuseCustody('key-length', 'an Ed25519 seed is 32 bytes')
    const others = file.entries.filter((entry) => entry.name !== name)
    // The generation that the change makes: no earlier box of this name fits it.
    const version = file.generation + 1
    const sealed = seal(keys.encryption, placeOf({ name, kind, version }), bytes)
    replaceEntries([...others, { name, kind, version, sealed }])
  }

  return {
    id: file.id,
    generation: () => file.generation,
    async reveal(name) {
      const entry = find(name, 'secret')
      const bytes = unseal(keys.encryption, placeOf(entry), entry.sealed)
      const revealed = new Uint8Array(bytes)
      bytes.fill(0)
      return revealed
    },
    async sign(name, message) {
      return new Uint8Array(sign(null, message, signingKey(name)))
    },
    async publicKey(name) {
      return ed25519PublicBytes(signingKey(name))
    },
    async names() {
      return file.entries.map(({ name }) => name).sort()
    },
    async put(name, kind, bytes) {
      write(name, kind, bytes)
    },
    async generateEd25519(name) {
      if (file.entries.some((entry) => entry.name === name))
        refuseCustody('name-taken', `the keystore holds ${name} already`)
      const seed = randomBytes(ed25519SeedBytes)
      try {
        write(name, 'ed25519', seed)
      } finally {
        seed.fill(0)
      }
      return ed25519PublicBytes(signingKey(name))
    },
    async remove(name) {
      if (!file.entries.some((entry) => entry.name === name))
        throw new AppError('custody-not-found', `the keystore holds no ${name}`, { data: { name } })
      replaceEntries(file.entries.filter((entry) => entry.name !== name))
    },
  }
}
