import type { IncomingMessage } from 'node:http'

/** Why a body was not taken. */
export type BodyRefusal = 'body-too-large' | 'busy' | 'body-broken'

export type ReadBody = { readonly ok: true; readonly body: Buffer } | { readonly ok: false; readonly code: BodyRefusal }

export interface BodyBudget {
  /** Reads a whole body into memory, unless it is larger than a body may be or all bodies together are. */
  read(request: IncomingMessage): Promise<ReadBody>
  /** Bytes of bodies that are being received now. */
  heldBytes(): number
}

/** An ordinary webhook stays below it; such a body never waits for the room that large ones take. */
const ordinaryBytes = 256 * 1024
const ordinaryRoom = 32 * 1024 * 1024

/**
 * Bounds the memory that bodies of strangers take before anybody knows who sent them (T04): each by `maxBytes`, all
 * ordinary ones together, and all large or undeclared ones together. Room is counted by what arrived, so a slow sender
 * holds little.
 */
export function createBodyBudget(maxBytes: number): BodyBudget {
  const largeRoom = 2 * maxBytes
  let ordinaryHeld = 0
  let largeHeld = 0

  return {
    heldBytes: () => ordinaryHeld + largeHeld,
    async read(request) {
      const declared = Number(request.headers['content-length'] ?? Number.NaN)
      if (declared > maxBytes) return { ok: false, code: 'body-too-large' }
      const isOrdinary = declared <= ordinaryBytes
      let held = 0
      const take = (bytes: number): boolean => {
        if ((isOrdinary ? ordinaryHeld : largeHeld) + bytes > (isOrdinary ? ordinaryRoom : largeRoom)) return false
        held += bytes
        if (isOrdinary) ordinaryHeld += bytes
        else largeHeld += bytes
        return true
      }

      const { promise, resolve } = Promise.withResolvers<ReadBody>()
      const chunks: Buffer[] = []
      const settle = (answer: ReadBody): void => {
        request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
        // The connection may still report its end; that is nobody's error.
        request.on('error', () => {})
        if (isOrdinary) ordinaryHeld -= held
        else largeHeld -= held
        held = 0
        resolve(answer)
      }
      const onData = (chunk: Buffer): void => {
        if (held + chunk.length > maxBytes) settle({ ok: false, code: 'body-too-large' })
        else if (!take(chunk.length)) settle({ ok: false, code: 'busy' })
        else chunks.push(chunk)
      }
      // A copy, also of a single chunk: the chunk is a window on a larger buffer of the socket.
      const onEnd = (): void => settle({ ok: true, body: Buffer.concat(chunks, held) })
      const onBroken = (): void => settle({ ok: false, code: 'body-broken' })
      request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
      return promise
    },
  }
}
