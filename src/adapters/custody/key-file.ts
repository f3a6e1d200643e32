import { type CredentialsDirectory, readPrivateFile, refuseCustody } from './private-file.ts'

/**
 * Reads a 32-byte key from a file: raw, or as 64 hex characters with at most one line break after them.
 *
 * Checks: as `readPrivateFile`; a key of 32 equal bytes is refused, since nobody draws one.
 * @throws AppError custody-not-found, custody-refused
 */
export function readKeyFile(path: string, options: CredentialsDirectory = {}): Uint8Array {
  const bytes = readPrivateFile(path, options)
  try {
    const key = new Uint8Array(32)
    if (bytes.length === 32) key.set(bytes)
    else {
      const text = bytes.toString('latin1')
      if (!/^[0-9a-fA-F]{64}\r?\n?$/.test(text))
        refuseCustody('key-file-malformed', `${path} holds neither 32 bytes nor 64 hex characters`)
      key.set(Buffer.from(text.slice(0, 64), 'hex'))
    }
    if (key.every((byte) => byte === key[0])) refuseCustody('key-file-weak', `${path} holds no random key`)
    return key
  } finally {
    bytes.fill(0)
  }
}
