import { createHash } from 'node:crypto'
import { invariant } from '../../flows/app-error.ts'

/** SHA-256 of the bytes in lower-case hex. */
export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** @throws InvariantError when a blob is written under a name that is not its digest */
export function checkBlob(digest: string, bytes: Uint8Array): void {
  invariant(digestOf(bytes) === digest, 'a blob is named by the SHA-256 of its bytes')
}
