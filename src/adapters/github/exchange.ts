import type { Timers } from '../../flows/ports.ts'

/** One HTTP request as it goes out. */
export interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** What came back, whole. */
export interface Incoming {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** No whole answer came. `wasSent: false` only when the forge cannot have seen the request. */
export class ExchangeError extends Error {
  override name = 'ExchangeError'
  readonly wasSent: boolean
  readonly reason: string
  constructor(reason: string, wasSent: boolean, cause?: unknown) {
    super(`no answer: ${reason}`, { cause })
    this.reason = reason
    this.wasSent = wasSent
  }
}

const unsent =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? ((error.cause as { code?: unknown } | undefined) ?? error) : error
  const code = (cause as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'unknown'
}

async function readAll(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    // Decompressed bytes are counted: a small answer may unpack to a huge one.
    if (size > maxBytes) throw new ExchangeError('too-large', true)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * Sends one request and reads its whole answer, following nothing.
 *
 * @throws ExchangeError on timeout, cut connection, refused connection, or an answer above `maxBytes`
 */
export async function exchange(timers: Timers, outgoing: Outgoing): Promise<Incoming> {
  const abort = new AbortController()
  const cancel = timers.after(outgoing.timeoutMs, () => abort.abort())
  try {
    const response = await fetch(outgoing.url, {
      method: outgoing.method,
      headers: outgoing.headers,
      body: outgoing.body,
      redirect: 'manual',
      signal: abort.signal,
    })
    return { status: response.status, headers: response.headers, text: await readAll(response, outgoing.maxBytes) }
  } catch (error) {
    if (error instanceof ExchangeError) {
      abort.abort()
      throw error
    }
    if (abort.signal.aborted) throw new ExchangeError('timeout', true)
    const code = codeOf(error)
    throw new ExchangeError(code, !unsent.test(code), error)
  } finally {
    cancel()
  }
}
