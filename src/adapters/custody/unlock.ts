import { argon2Sync, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { refuseCustody } from './private-file.ts'

/** What opens a file of secrets: a key that lies elsewhere, or words that a person knows. */
export type Unlock =
  | { readonly kind: 'key'; readonly bytes: Uint8Array }
  | { readonly kind: 'passphrase'; readonly text: string }

const saltSchema = z.string().regex(/^[0-9a-f]{32}$/)

/** The part of a file's header that says how its keys come from the unlock. */
export const unlockHeaderSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key') }),
  z.strictObject({
    kind: z.literal('passphrase'),
    kdf: z.literal('argon2id'),
    salt: saltSchema,
    memoryKiB: z.int(),
    passes: z.int(),
    parallelism: z.int(),
  }),
])
export type UnlockHeader = z.infer<typeof unlockHeaderSchema>

const leastMemoryKiB = 19 * 1024
const leastPasses = 2
const mostMemoryKiB = 1024 * 1024
const mostPasses = 64
const leastPassphrase = 8

/** A header for a new file, with parameters well above the least. */
export function newUnlockHeader(unlock: Unlock): UnlockHeader {
  if (unlock.kind === 'key') return { kind: 'key' }
  if (unlock.text.normalize('NFC').length < leastPassphrase)
    refuseCustody('passphrase-short', `a passphrase has at least ${leastPassphrase} characters`)
  const salt = randomBytes(16).toString('hex')
  return { kind: 'passphrase', kdf: 'argon2id', salt, memoryKiB: 64 * 1024, passes: 3, parallelism: 1 }
}

function checkStrength(header: Extract<UnlockHeader, { kind: 'passphrase' }>): void {
  const { memoryKiB, passes, parallelism } = header
  // A weakened header would make the next passphrase entered cheap to guess; an absurd one would stop the machine.
  if (memoryKiB < leastMemoryKiB || passes < leastPasses)
    refuseCustody('kdf-weak', 'the file asks for a weaker Argon2id than 19 MiB and 2 passes')
  if (memoryKiB > mostMemoryKiB || passes > mostPasses || parallelism < 1 || parallelism > 16)
    refuseCustody('kdf-excessive', 'the file asks for more work than is reasonable')
}

function rootOf(unlock: Unlock, header: UnlockHeader): Buffer {
  if (unlock.kind === 'key') {
    if (header.kind !== 'key') refuseCustody('unlock-kind', 'the file opens with a passphrase')
    if (unlock.bytes.length !== 32) refuseCustody('key-length', 'an unlock key is 32 bytes')
    return Buffer.from(unlock.bytes)
  }
  if (header.kind !== 'passphrase') refuseCustody('unlock-kind', 'the file opens with a key file')
  checkStrength(header)
  const { memoryKiB: memory, passes, parallelism, salt } = header
  const message = Buffer.from(unlock.text.normalize('NFC'))
  try {
    return argon2Sync('argon2id', {
      message,
      nonce: Buffer.from(salt, 'hex'),
      memory,
      passes,
      parallelism,
      tagLength: 32,
    })
  } finally {
    message.fill(0)
  }
}

/** The keys of one file, each for one purpose. Key objects live outside of the JavaScript heap and print nothing. */
export interface FileKeys {
  readonly encryption: KeyObject
  readonly manifest: KeyObject
  /** Says whether the unlock is right, before anything is decrypted. Not secret. */
  readonly check: string
}

/**
 * Derives a file's keys from what unlocks it and the file's own id.
 *
 * @throws AppError custody-refused
 * Spec: RFC 9106 (Argon2id), RFC 5869 (HKDF-SHA256).
 */
export function deriveFileKeys(unlock: Unlock, header: UnlockHeader, fileId: string): FileKeys {
  const root = rootOf(unlock, header)
  const derive = (purpose: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', root, Buffer.from(fileId, 'hex'), `governance custody v1 ${purpose}`, bytes))
  const keyOf = (purpose: string): KeyObject => {
    const bytes = derive(purpose, 32)
    const key = createSecretKey(bytes)
    bytes.fill(0)
    return key
  }
  try {
    return {
      encryption: keyOf('encryption'),
      manifest: keyOf('manifest'),
      check: derive('check', 16).toString('hex'),
    }
  } finally {
    root.fill(0)
  }
}
