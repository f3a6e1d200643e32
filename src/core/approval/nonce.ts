import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { AccountId, CommitId, KeyId, RepositoryId, Sha256 } from '../ids.ts'

/** What a challenge is for. `recordedVotes` counts this signer's statements that the log holds for this pull request. */
export interface NonceSubject {
  readonly repositoryId: RepositoryId
  readonly number: number
  readonly head: CommitId
  readonly baseRef: string
  readonly signer: AccountId
  readonly keyid: KeyId
  readonly recordedVotes: number
}

/**
 * The nonce of a challenge: 16 bytes as 32 hex characters. Asking again gives the same one until a vote of the signer is
 * recorded, so that issuing a challenge writes nothing.
 *
 * Trust: `serverKey` is secret; without it nobody can tell which nonces the server issued.
 * Checks: every part is framed by canonical JSON, so that no two subjects share their bytes.
 * @throws RangeError when the key has fewer than 32 bytes
 * Spec: formats.md "Nonces": first 16 bytes of HMAC-SHA-256.
 */
export const nonceFor = (serverKey: Uint8Array, subject: NonceSubject): string =>
  nonceOver(serverKey, [
    'governance-app/nonce/v1',
    subject.repositoryId,
    subject.number,
    subject.head,
    subject.baseRef,
    subject.signer,
    subject.keyid,
    subject.recordedVotes,
  ])

/** What a release challenge is for. `recordedVotes` counts this signer's statements that the log holds for this tag. */
export interface ReleaseNonceSubject extends Pick<NonceSubject, 'repositoryId' | 'signer' | 'keyid' | 'recordedVotes'> {
  readonly tag: string
  readonly revision: CommitId
  readonly artifacts: Sha256
}

/** The same for a release; no nonce of a change is ever one of a release. */
export const releaseNonceFor = (serverKey: Uint8Array, subject: ReleaseNonceSubject): string =>
  nonceOver(serverKey, [
    'governance-app/release-nonce/v1',
    subject.repositoryId,
    subject.tag,
    subject.revision,
    subject.artifacts,
    subject.signer,
    subject.keyid,
    subject.recordedVotes,
  ])

function nonceOver(serverKey: Uint8Array, parts: readonly (string | number)[]): string {
  if (serverKey.length < 32) throw new RangeError('the nonce key has at least 32 bytes')
  return encodeHex(hmac(sha256, serverKey, canonicalBytes(parts)).subarray(0, 16))
}
