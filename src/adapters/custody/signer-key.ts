import { createECDH, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { createPrivateFile, readPrivateFile, refuseCustody } from './private-file.ts'
import { type Place, seal, sealedSchema, unseal } from './sealed.ts'
import { deriveFileKeys, type FileKeys, newUnlockHeader, type Unlock, unlockHeaderSchema } from './unlock.ts'

const signerKeyFormat = 'governance-signer-key/v1'

const signerKeySchema = z.strictObject({
  format: z.literal(signerKeyFormat),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  scheme: z.literal('ecdsa-secp256k1-v1'),
  publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/),
  unlock: unlockHeaderSchema,
  check: z.string().regex(/^[0-9a-f]{32}$/),
  sealed: sealedSchema,
})
type SignerKeyFile = z.infer<typeof signerKeySchema>

/** A maintainer's own secp256k1 key, decrypted only while it is used. */
export interface SignerKey {
  readonly scheme: 'ecdsa-secp256k1-v1'
  /** Compressed, 33 bytes as lower-case hex: what a registry holds. */
  readonly publicKey: string
  /** Hands the 32-byte private key to `use` and overwrites it when that returns, so `use` is done with it by then. */
  withPrivateKey<T>(use: (privateKey: Uint8Array) => T): T
}

const placeOf = ({ id, scheme, publicKey }: Pick<SignerKeyFile, 'id' | 'scheme' | 'publicKey'>): Place => [
  signerKeyFormat,
  id,
  scheme,
  publicKey,
]

function compressedPublicKey(privateKey: Uint8Array): string {
  const curve = createECDH('secp256k1')
  try {
    curve.setPrivateKey(privateKey)
  } catch (cause) {
    refuseCustody('key-invalid', 'these bytes are no secp256k1 private key', cause)
  }
  return curve.getPublicKey('hex', 'compressed')
}

function randomPrivateKey(): Buffer {
  const curve = createECDH('secp256k1')
  curve.generateKeys()
  const bytes = curve.getPrivateKey()
  // OpenSSL drops leading zeros.
  const padded = Buffer.alloc(32)
  bytes.copy(padded, 32 - bytes.length)
  bytes.fill(0)
  return padded
}

/**
 * Writes a new key file for a person: a fresh key, or the given one.
 *
 * @throws AppError custody-refused, also when the file exists
 */
export async function createSignerKey(options: {
  readonly file: string
  readonly unlock: Unlock
  readonly privateKey?: Uint8Array
}): Promise<SignerKey> {
  const { file, unlock } = options
  const privateKey = options.privateKey === undefined ? randomPrivateKey() : Buffer.from(options.privateKey)
  try {
    if (privateKey.length !== 32) refuseCustody('key-length', 'a secp256k1 private key is 32 bytes')
    const publicKey = compressedPublicKey(privateKey)
    const header = newUnlockHeader(unlock)
    const id = randomBytes(16).toString('hex')
    const keys = deriveFileKeys(unlock, header, id)
    const scheme = 'ecdsa-secp256k1-v1'
    const sealed = seal(keys.encryption, placeOf({ id, scheme, publicKey }), privateKey)
    const content: SignerKeyFile = {
      format: signerKeyFormat,
      id,
      scheme,
      publicKey,
      unlock: header,
      check: keys.check,
      sealed,
    }
    createPrivateFile(file, Buffer.from(`${JSON.stringify(content, null, 2)}\n`))
    return signerKeyOf(content, keys)
  } finally {
    privateKey.fill(0)
  }
}

function signerKeyOf(content: SignerKeyFile, keys: FileKeys): SignerKey {
  return {
    scheme: content.scheme,
    publicKey: content.publicKey,
    withPrivateKey(use) {
      const plain = unseal(keys.encryption, placeOf(content), content.sealed)
      try {
        return use(plain)
      } finally {
        plain.fill(0)
      }
    },
  }
}

function parseSignerKey(bytes: Buffer): SignerKeyFile {
  try {
    return signerKeySchema.parse(JSON.parse(bytes.toString()))
  } catch (cause) {
    return refuseCustody('file-malformed', 'this is no signer key file', cause)
  }
}

/** Says what a key file is for without opening it. Trust: the file's word; `openSignerKey` proves it. */
export function readSignerPublicKey(file: string): {
  readonly publicKey: string
  readonly unlock: Unlock['kind']
} {
  const { publicKey, unlock } = parseSignerKey(readPrivateFile(file))
  return { publicKey, unlock: unlock.kind }
}

/**
 * Opens a person's key file.
 *
 * Checks: file mode, owner, no symbolic link; that the unlock is right; that the private key belongs to the public key
 * that the file names.
 * @throws AppError custody-not-found, custody-refused
 */
export async function openSignerKey(options: { readonly file: string; readonly unlock: Unlock }): Promise<SignerKey> {
  const content = parseSignerKey(readPrivateFile(options.file))
  const keys = deriveFileKeys(options.unlock, content.unlock, content.id)
  if (keys.check !== content.check) refuseCustody('unlock-wrong', 'this key or passphrase does not open the key file')
  const key = signerKeyOf(content, keys)
  if (key.withPrivateKey(compressedPublicKey) !== content.publicKey)
    refuseCustody('key-mismatch', 'the key file names another public key than its private key has')
  return key
}
