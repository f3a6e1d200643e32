import { AppError } from '../../flows/app-error.ts'
import type { LogSource, Timers } from '../../flows/ports.ts'
import { maxBytesOf } from './log-path.ts'

/** How the files of a log are asked for over HTTP. */
export interface HttpSourceOptions {
  /** Where `checkpoint` stands below. */
  readonly url: string
  /** For logs that are read with a token only. It is sent to this address and to no other. */
  readonly token: string | null
  readonly timeoutMs: number
  readonly timers: Timers
}

const maxRedirects = 3

const unavailable = (message: string, path: string, data: Record<string, string | number> = {}, cause?: unknown) =>
  new AppError('log-files-unavailable', message, { data: { path, ...data }, cause })

/** The connection broke, or no answer came in time. */
class Broken extends Error {
  override name = 'Broken'
}

async function readBody(response: Response, limit: number, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length
    // The rest is never taken: a stranger's server may send without end.
    if (size > limit) throw unavailable('a file of the log is larger than any can be', path)
    chunks.push(chunk as Uint8Array)
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/**
 * The files of a log behind an address.
 *
 * Trust: the server is an attacker's. Every answer is bounded in bytes and in time; a redirect is followed only to the same
 * scheme, host and port, so that neither the token nor the reader's network is lent to another.
 * @throws RangeError for an address that is not http(s), or that holds a user, a query or a fragment
 */
export function httpSource({ url, token, timeoutMs, timers }: HttpSourceOptions): LogSource {
  const base = new URL(url.endsWith('/') ? url : `${url}/`)
  const isPlain = base.username === '' && base.password === '' && base.search === '' && base.hash === ''
  if (!/^https?:$/.test(base.protocol) || !isPlain) throw new RangeError('not the address of a log')
  const headers = { 'user-agent': 'governance', ...(token === null ? {} : { authorization: `Bearer ${token}` }) }

  async function follow(path: string, signal: AbortSignal): Promise<Response> {
    let target = new URL(path, base)
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await fetch(target, { headers, redirect: 'manual', signal })
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return response
      await response.body?.cancel()
      target = new URL(location, target)
      if (target.origin !== base.origin) throw unavailable('the log sends its reader to another host', path)
    }
    throw unavailable('the log sends its reader in circles', path)
  }

  async function once(path: string, limit: number): Promise<Uint8Array | null> {
    const abort = new AbortController()
    const cancel = timers.after(timeoutMs, () => abort.abort())
    try {
      const response = await follow(path, abort.signal)
      if (response.status === 200) return await readBody(response, limit, path)
      await response.body?.cancel()
      if (response.status === 404 || response.status === 410) return null
      throw unavailable('the log refuses to be read', path, { status: response.status })
    } catch (error) {
      if (error instanceof AppError) throw error
      throw new Broken(abort.signal.aborted ? 'no answer in time' : 'no connection', { cause: error })
    } finally {
      cancel()
    }
  }

  return {
    async read(path) {
      const limit = maxBytesOf(path)
      try {
        return await once(path, limit)
      } catch (error) {
        if (!(error instanceof Broken)) throw error
      }
      // A server may close a kept connection in the moment in which it is used again; that is no answer, so it is asked once more.
      try {
        return await once(path, limit)
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        throw unavailable('the log does not answer', path, { reason: error.message }, error.cause)
      }
    },
  }
}
