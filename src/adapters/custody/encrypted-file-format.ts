import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { refuseCustody } from './private-file.ts'
import { sealedSchema } from './sealed.ts'
import { type FileKeys, unlockHeaderSchema } from './unlock.ts'

export const keystoreFormat = 'governance-keystore/v1'

export type EntryKind = 'ed25519' | 'secret'

export const entryNameSchema = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/)

const entrySchema = z.strictObject({
  name: entryNameSchema,
  kind: z.enum(['ed25519', 'secret']),
  version: z.int().positive(),
  sealed: sealedSchema,
})
export type Entry = z.infer<typeof entrySchema>

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))

const keystoreSchema = z.strictObject({
  format: z.literal(keystoreFormat),
  id: hex(16),
  /** Grows by one with every change of the file. */
  generation: z.int().positive(),
  unlock: unlockHeaderSchema,
  check: hex(16),
  entries: z.array(entrySchema),
  mac: hex(32),
})
export type KeystoreFile = z.infer<typeof keystoreSchema>

/** HMAC over every member but itself, in a fixed order, so that no entry can be dropped, added, swapped or rolled back. */
function macOf(keys: FileKeys, file: Omit<KeystoreFile, 'mac'>): Buffer {
  const { format, id, generation, unlock, check, entries } = file
  const covered = [
    format,
    id,
    generation,
    Object.entries(unlock).sort(([a], [b]) => (a < b ? -1 : 1)),
    check,
    entries.map(({ name, kind, version, sealed }) => [name, kind, version, sealed.nonce, sealed.box]),
  ]
  return createHmac('sha256', keys.manifest).update(JSON.stringify(covered)).digest()
}

/** Writes the file's bytes with their authentication. */
export function formatKeystore(keys: FileKeys, file: Omit<KeystoreFile, 'mac'>): Buffer {
  return Buffer.from(`${JSON.stringify({ ...file, mac: macOf(keys, file).toString('hex') }, null, 2)}\n`)
}

/** @throws AppError custody-refused (`file-malformed`) */
export function parseKeystore(bytes: Buffer): KeystoreFile {
  let parsed: ReturnType<typeof keystoreSchema.safeParse>
  try {
    parsed = keystoreSchema.safeParse(JSON.parse(bytes.toString()))
  } catch (cause) {
    return refuseCustody('file-malformed', 'the keystore is not JSON', cause)
  }
  if (!parsed.success) return refuseCustody('file-malformed', 'the keystore has another shape', parsed.error)
  const names = parsed.data.entries.map(({ name }) => name)
  if (new Set(names).size !== names.length) refuseCustody('file-malformed', 'a name occurs twice in the keystore')
  return parsed.data
}

/** @throws AppError custody-refused: `unlock-wrong` for another key or passphrase, `file-tampered` for changed bytes */
export function checkKeystore(keys: FileKeys, file: KeystoreFile): void {
  if (!timingSafeEqual(Buffer.from(keys.check, 'hex'), Buffer.from(file.check, 'hex')))
    refuseCustody('unlock-wrong', 'this key or passphrase does not open the keystore')
  if (!timingSafeEqual(macOf(keys, file), Buffer.from(file.mac, 'hex')))
    refuseCustody('file-tampered', 'the keystore was changed by somebody else')
}
