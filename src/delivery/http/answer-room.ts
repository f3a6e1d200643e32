import type { ServerResponse } from 'node:http'

/** What answers that were not taken yet may hold together, and one client of it. */
interface AnswerRoomSize {
  readonly bytes: number
  readonly bytesPerClient: number
  /** Files that are read at once. */
  readonly reads: number
  /** A client that takes nothing for so long is let go. */
  readonly idleMs: number
}

const defaultAnswerRoom: AnswerRoomSize = {
  bytes: 32 * 1024 * 1024,
  bytesPerClient: 8 * 1024 * 1024,
  reads: 4,
  idleMs: 10_000,
}

export interface AnswerRoom {
  /** Reads a file for a client; `busy` when too much waits to be taken, by everybody or by this one. */
  read(
    client: string,
    response: ServerResponse,
    read: () => Promise<Uint8Array | null>,
  ): Promise<Uint8Array | null | 'busy'>
}

/**
 * Bounds the memory of answers whose size strangers choose by what they ask for (T04): a client that asks for much and takes
 * little holds its own share, not everybody's.
 */
export function createAnswerRoom(size: AnswerRoomSize = defaultAnswerRoom): AnswerRoom {
  const held = new Map<string, number>()
  let heldByAll = 0
  let reading = 0
  const waiting: (() => void)[] = []

  const hold = (client: string, bytes: number): void => {
    heldByAll += bytes
    const mine = (held.get(client) ?? 0) + bytes
    if (mine === 0) held.delete(client)
    else held.set(client, mine)
  }
  const isFull = (client: string): boolean =>
    heldByAll >= size.bytes || (held.get(client) ?? 0) >= size.bytesPerClient || waiting.length >= 1_000

  return {
    async read(client, response, read) {
      if (isFull(client)) return 'busy'
      if (reading >= size.reads) await new Promise<void>((resolve) => waiting.push(resolve))
      reading += 1
      try {
        // Those before it in the queue may have filled the room.
        if (isFull(client)) return 'busy'
        const bytes = await read()
        if (bytes === null || response.destroyed) return bytes
        hold(client, bytes.length)
        response.once('close', () => hold(client, -bytes.length))
        response.setTimeout(size.idleMs, () => response.destroy())
        return bytes
      } finally {
        reading -= 1
        waiting.shift()?.()
      }
    },
  }
}
