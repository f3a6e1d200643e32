import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../flows/app-error.ts'

const leastCharacters = 32

/** Says whether a request carries the token. Takes as long for every wrong one. */
export type IsBearer = (authorization: string | undefined) => boolean

const digestOf = (text: string): Uint8Array => createHash('sha256').update(text).digest()

/** @throws AppError config-invalid for a token that can be guessed */
export function requireBearer(token: string): IsBearer {
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < leastCharacters)
    throw new AppError('config-invalid', 'the token of the log has fewer than 32 printable characters', {
      data: { reason: 'log-token' },
    })
  const wanted = digestOf(token)
  return (authorization) => {
    const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1]
    // Digests have one length, and tell nothing of how far a guess was right.
    return timingSafeEqual(digestOf(given ?? ''), wanted) && given !== undefined
  }
}
