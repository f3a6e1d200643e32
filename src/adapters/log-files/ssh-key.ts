import { createHash, createPrivateKey } from 'node:crypto'
import ssh2 from 'ssh2'
import { AppError } from '../../flows/app-error.ts'

const { utils } = ssh2

/** How OpenSSH writes the SHA-256 fingerprint of a public key: base64 without padding. */
export const fingerprintOf = (publicKey: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}`

/** The type that stands at the front of an SSH public key; a stranger's bytes are not repeated. */
export function keyTypeOf(publicKey: Buffer): string {
  const length = publicKey.length < 4 ? 0 : publicKey.readUInt32BE(0)
  const type = publicKey.subarray(4, 4 + Math.min(length, 40)).toString('latin1')
  return /^[a-z0-9@.-]+$/.test(type) ? type : 'of an unknown type'
}

/** PKCS #8 holds the same RSA and EC keys in another wrapping, which the SSH library does not read. */
function unwrapPkcs8(text: string): string {
  if (!text.includes('-----BEGIN PRIVATE KEY-----')) return text
  const key = createPrivateKey(text)
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString()
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString()
  return text
}

/**
 * Reads a private key for SSH (OpenSSH or PEM) and returns it as the SSH library takes it, with the line for the other
 * side's `authorized_keys`.
 *
 * @throws AppError custody-refused: no private key, or one that asks for a passphrase. Quotes nothing of it.
 */
export function readSshKey(bytes: Uint8Array): { readonly privateKey: string; readonly authorizedKey: string } {
  let privateKey: string
  try {
    privateKey = unwrapPkcs8(new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim())
  } catch {
    throw refusedKey()
  }
  // A line of the file may be missing its end; OpenSSH wants one.
  const parsed = utils.parseKey(`${privateKey}\n`)
  if (parsed instanceof Error || Array.isArray(parsed) || !parsed.isPrivateKey()) throw refusedKey()
  const key = parsed
  return {
    privateKey: `${privateKey}\n`,
    authorizedKey: `${key.type} ${Buffer.from(key.getPublicSSH()).toString('base64')} governance`,
  }
}

const refusedKey = (): AppError =>
  new AppError(
    'custody-refused',
    'the SSH private key cannot be used: store one in OpenSSH or PEM format, without a passphrase of its own',
    { data: { reason: 'ssh-key' } },
  )

/** Makes an Ed25519 key for SSH, in OpenSSH format. */
export const makeSshKey = (): Uint8Array => Buffer.from(utils.generateKeyPairSync('ed25519').private)
