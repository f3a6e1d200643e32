import { AppError, type AppErrorCode } from '../../flows/app-error.ts'
import type { Instant } from '../../core/index.ts'
import type { Clock, Random, Telemetry, Timers } from '../../flows/ports.ts'
import { type ApiAddress, createApiAddress } from './api-address.ts'
import type { Answer, Call, Client, Credential, RequestNote } from './call.ts'
import { createAnswerCache } from './answer-cache.ts'
import { type AppJwt, createAppJwt } from './app-jwt.ts'
import { ExchangeError, exchange, type Incoming, type Outgoing } from './exchange.ts'
import { createInstallationTokens, type InstallationTokens } from './installation-tokens.ts'
import { createRateLimits } from './rate-limits.ts'
import { createTurnstile } from './turnstile.ts'

export interface GitHubOptions {
  readonly apiUrl: string
  readonly appId: number
  /** Asked when a token has to be made, and again after the forge refused one. */
  readonly privateKey: () => Promise<string>
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly telemetry?: Telemetry
  readonly onRequest?: (note: RequestNote) => void
  readonly timeoutMs?: number
}

const attempts = 3
const maxRedirects = 3
const defaultMaxBytes = 16 * 1024 * 1024
const cacheChars = 4 * 1024 * 1024
const concurrent = 20
const userAgent = 'governance-app'

/** A refusal that means "not now" or "no", with its place in the closed list. */
function refusal(status: number, text: string): AppErrorCode {
  if (status === 403) return /suspended/i.test(text) ? 'forge-suspended' : 'forge-forbidden'
  if (status === 401) return 'forge-forbidden'
  if (status === 404 || status === 410) return 'forge-not-found'
  return status >= 500 ? 'forge-unavailable' : 'forge-rejected'
}

function messageOf(text: string): string | null {
  try {
    const message = (JSON.parse(text) as { message?: unknown } | null)?.message
    return typeof message === 'string' ? message.slice(0, 200) : null
  } catch {
    return null
  }
}

function dateOf(answer: Incoming): Instant | null {
  const ms = Date.parse(answer.headers.get('date') ?? '')
  return Number.isNaN(ms) ? null : (ms as Instant)
}

/**
 * Makes the client that everything of this adapter sends through.
 *
 * Promises: no token leaves the API's origin; reads are repeated with growing, jittered pauses; writes are not; a forge
 * that asks for rest gets it; at most 20 requests run at once.
 * @throws AppError config-invalid for an unusable `apiUrl`
 */
export function createClient(options: GitHubOptions): Client {
  const address: ApiAddress = createApiAddress(options.apiUrl)
  const { clock, timers, random } = options
  const jwt: AppJwt = createAppJwt(options)
  const limits = createRateLimits(clock, timers)
  const cache = createAnswerCache(cacheChars)
  const turnstile = createTurnstile(concurrent)
  const tokens: InstallationTokens = createInstallationTokens({ clock, send: (call) => client.call(call) })

  const bearer = async (as: Credential): Promise<string | null> => {
    if (as.kind === 'app') return jwt.current()
    if (as.kind === 'installation') return tokens.current(as.id)
    return as.kind === 'bearer' ? as.token : null
  }
  const keyOf = (as: Credential): string => (as.kind === 'installation' ? `installation:${as.id}` : as.kind)
  const forget = (as: Credential): boolean => {
    if (as.kind === 'app') jwt.forget()
    if (as.kind === 'installation') tokens.forget(as.id)
    return as.kind === 'app' || as.kind === 'installation'
  }
  const pause = (attempt: number): Promise<void> => {
    const [jitter = 0] = random.bytes(1)
    return new Promise((resolve) => void timers.after(250 * 2 ** attempt * (0.5 + jitter / 256), resolve))
  }

  /** One request and whatever redirects it meets, each within the API's origin. */
  async function send(call: Call, token: string | null, etag: string | null): Promise<Incoming> {
    const isGraphql = call.path === 'graphql'
    let url = isGraphql ? address.graphql : address.rest(call.path, call.query)
    const headers: Record<string, string> = {
      accept: 'application/vnd.github+json',
      'user-agent': userAgent,
      'x-github-api-version': '2022-11-28',
    }
    if (token !== null) headers.authorization = `Bearer ${token}`
    if (etag !== null) headers['if-none-match'] = etag
    if (call.body !== undefined) headers['content-type'] = 'application/json'
    const method = call.method ?? 'GET'
    for (let hop = 0; ; hop++) {
      const outgoing: Outgoing = {
        method,
        url,
        headers,
        body: call.body === undefined ? null : JSON.stringify(call.body),
        timeoutMs: options.timeoutMs ?? 20_000,
        maxBytes: call.maxBytes ?? defaultMaxBytes,
      }
      const note = { kind: call.kind, method, path: url.pathname + url.search }
      let answer: Incoming
      try {
        answer = await exchange(timers, outgoing)
      } catch (error) {
        options.onRequest?.({ ...note, status: null })
        throw error
      }
      options.onRequest?.({ ...note, status: answer.status })
      options.telemetry?.count('forge_requests', { kind: call.kind, status: String(answer.status) })
      if (![301, 302, 307, 308].includes(answer.status)) return answer
      const next = address.follow(url, answer.headers.get('location') ?? '')
      if (next === null || hop >= maxRedirects || isGraphql) {
        throw new AppError('forge-rejected', 'the forge redirects to a place outside its API', {
          data: { reason: 'redirect', status: answer.status },
        })
      }
      url = next
    }
  }

  /** One attempt: the answer, or the error with whether trying again may help. */
  async function attempt(call: Call, isLast: boolean): Promise<Answer | 'again'> {
    const isWrite = call.kind === 'write'
    const limitKey = keyOf(call.as) + (call.path === 'graphql' ? ':graphql' : '')
    const cacheKey = `${keyOf(call.as)} ${address.rest(call.path === 'graphql' ? '/' : call.path, call.query).href}`
    const isCached = (call.method ?? 'GET') === 'GET' && call.isImmutable !== true && call.as.kind === 'installation'
    await limits.enter(limitKey, isWrite)
    const token = await bearer(call.as)
    const known = isCached ? cache.find(cacheKey) : null
    let answer: Incoming
    try {
      answer = await turnstile(() => send(call, token, known?.etag ?? null))
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error
      if (error.reason === 'too-large' && !isWrite) {
        throw new AppError('forge-incomplete', 'the answer is larger than what is read', {
          data: { reason: 'too-large' },
        })
      }
      if (isWrite && error.wasSent) {
        throw new AppError('forge-ambiguous', 'no answer to a write', { cause: error, data: { reason: error.reason } })
      }
      if (!isLast) return 'again'
      throw new AppError('forge-unavailable', 'the forge does not answer', {
        cause: error,
        data: { reason: error.reason },
      })
    }
    const date = dateOf(answer)
    if (limits.learn(limitKey, isWrite, answer)) {
      // Entering again says until when: a refused request took no effect.
      await limits.enter(limitKey, isWrite)
      if (!isLast) return 'again'
      throw new AppError('forge-rate-limited', 'the forge keeps asking for rest', { retryAt: clock.now() + 1_000 })
    }
    if (answer.status === 304 && known !== null) {
      return { status: 200, json: JSON.parse(known.text) as unknown, link: known.link, date }
    }
    if (answer.status >= 200 && answer.status < 300) {
      let json: unknown = null
      try {
        if (answer.text !== '') json = JSON.parse(answer.text) as unknown
      } catch {
        if (isWrite) throw new AppError('forge-ambiguous', 'a write was answered with something else than JSON')
        if (!isLast) return 'again'
        throw new AppError('forge-unavailable', 'the forge answers with something else than JSON')
      }
      const etag = answer.headers.get('etag')
      const link = answer.headers.get('link')
      if (isCached && etag !== null && answer.status === 200) cache.keep(cacheKey, etag, answer.text, link)
      return { status: answer.status, json, link, date }
    }
    const data = { status: answer.status, message: messageOf(answer.text) }
    if (answer.status >= 500) {
      if (isWrite) throw new AppError('forge-ambiguous', `a write was answered with ${answer.status}`, { data })
      if (!isLast) return 'again'
    }
    throw new AppError(refusal(answer.status, answer.text), `the forge answers ${answer.status}`, { data })
  }

  const client: Client = {
    appId: options.appId,
    async call(call) {
      let wasRenewed = false
      for (let tried = 0; ; tried++) {
        try {
          const answer = await attempt(call, tried >= attempts - 1)
          if (answer !== 'again') return answer
        } catch (error) {
          // A token that was revoked or ran out by the forge's clock is made anew, once; the refused call took no effect.
          const isStale = error instanceof AppError && error.data.status === 401
          if (!isStale || wasRenewed || !forget(call.as)) throw error
          wasRenewed = true
          continue
        }
        await pause(tried)
      }
    },
  }
  return client
}
