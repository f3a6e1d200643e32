import { encodeHex, maxStampBytes } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { Calendars, Timers } from '../../flows/ports.ts'

const timeoutMs = 20_000
const mediaType = 'application/vnd.opentimestamps.v1'

/** Reads no more than a stamp may have; decompressed bytes are counted. */
async function wholeBody(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxStampBytes) throw new AppError('calendar-unavailable', 'the answer is longer than a stamp may be')
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/**
 * Speaks with calendars: `POST <calendar>/digest` and `GET <calendar>/timestamp/<commitment>`. Follows no redirect, waits
 * at most 20 seconds and reads at most 10,000 bytes.
 *
 * Trust: addresses are the caller's to allow; answers are a stranger's and come back unread.
 * Spec: OpenTimestamps, `RemoteCalendar`.
 */
export function createCalendars({ timers }: { timers: Timers }): Calendars {
  async function exchange(
    url: string,
    init: { method: 'GET' | 'POST'; body?: Uint8Array<ArrayBuffer> },
  ): Promise<Uint8Array | null> {
    const abort = new AbortController()
    const cancel = timers.after(timeoutMs, () => abort.abort())
    try {
      const response = await fetch(url, {
        ...init,
        headers: { accept: mediaType, 'user-agent': 'governance', 'content-type': 'application/octet-stream' },
        redirect: 'manual',
        signal: abort.signal,
      })
      if (response.status === 404 && init.method === 'GET') return null
      if (response.status !== 200)
        throw new AppError('calendar-unavailable', `the calendar answered ${response.status}`, {
          data: { status: response.status },
        })
      return await wholeBody(response)
    } catch (error) {
      if (error instanceof AppError) throw error
      const reason = abort.signal.aborted ? 'timeout' : 'no answer'
      throw new AppError('calendar-unavailable', `the calendar cannot be reached: ${reason}`, { cause: error })
    } finally {
      cancel()
      abort.abort()
    }
  }
  const below = (address: string, path: string): string => `${address.replace(/\/+$/, '')}/${path}`
  return {
    async submit(address, digest) {
      const bytes = await exchange(below(address, 'digest'), { method: 'POST', body: new Uint8Array(digest) })
      if (bytes === null) throw new AppError('calendar-unavailable', 'the calendar gave no answer')
      return bytes
    },
    find: (address, commitment) => exchange(below(address, `timestamp/${encodeHex(commitment)}`), { method: 'GET' }),
  }
}
