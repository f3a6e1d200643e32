/** What goes wrong with requests on purpose, the rate limits, and the log of requests. */
import type { Actor } from './apps-auth.ts'
import type { LagSettings } from './lag.ts'
import type { Json, World } from './world.ts'

/** Which requests a fault hits; `path` is tested against the path with its query (a string is a regular expression). */
export type RequestMatch = { method?: string; path?: RegExp | string; times?: number }

/** What happens to them. `timeout` never answers, `reset` cuts the connection. */
export type RequestFailure = RequestMatch & {
  kind?: 'status' | 'timeout' | 'reset'
  status?: number
  headers?: Record<string, string>
  body?: Json
}

/** A planted fault; `hits` counts. */
export type PlantedFault = { hits: number; left: number }

/** One request as it was answered. `auth` is the making of an installation token. */
export type LoggedRequest = {
  at: number
  method: string
  path: string
  status: number
  kind: 'read' | 'write' | 'auth'
  notModified: boolean
  fault: string | null
  actor: string
  durationMs: number
}

/** Faults of requests, set by tests. */
export type Faults = {
  /** Every request waits so many real milliseconds first. */
  latency: (ms: number) => void
  /** The next matching requests fail and change nothing. */
  failNext: (failure: RequestFailure) => PlantedFault
  /** The next matching requests take effect, but the client sees a 502 or a cut connection: the ambiguous write. */
  failButApply: (failure: RequestFailure) => PlantedFault
  /** The next matching requests meet a secondary rate limit. */
  secondaryLimit: (options: RequestMatch & { retryAfterSeconds?: number; status?: 403 | 429 }) => PlantedFault
  /** The hourly quota is used up until so many milliseconds from now. */
  exhaustRateLimit: (resetInMs?: number) => void
  /** Lists lag behind writes. */
  lag: (settings: LagSettings) => void
  /** Ends every fault of requests. */
  clear: () => void
}

/** The request log. */
export type RequestLog = {
  /** All requests, oldest first. */
  all: () => readonly LoggedRequest[]
  /** A position to count from. */
  mark: () => number
  /** Requests since a position, narrowed. */
  since: (
    mark: number,
    match?: { kind?: LoggedRequest['kind']; method?: string; path?: RegExp | string },
  ) => LoggedRequest[]
  /** Forgets everything (positions start at 0 again). */
  clear: () => void
}

type Planted = PlantedFault & RequestFailure & { isApplied: boolean; label: string }

/** What the router asks before and after a request. */
export type FaultState = {
  readonly faults: Faults
  readonly log: RequestLog
  latencyMs: () => number
  take: (method: string, path: string) => Planted | null
  record: (entry: LoggedRequest) => void
  /** Counts the request against the sender's quota and answers the headers; `exceeded` refuses it. */
  quota: (
    actor: Actor,
    resource: string,
    costs: boolean,
  ) => { headers: Record<string, string>; exceeded: boolean; body: Json }
}

const asRegExp = (path: RegExp | string) => (typeof path === 'string' ? new RegExp(path) : path)

/** Without faults, with a full quota. */
export function createFaults(world: World): FaultState {
  let planted: Planted[] = []
  let latencyMs = 0
  let entries: LoggedRequest[] = []
  const quotas = new Map<string, { used: number; limit: number; resetAt: number }>()
  let exhaustedUntil = 0
  const plant = (failure: RequestFailure, isApplied: boolean, label: string): PlantedFault => {
    const fault: Planted = { ...failure, hits: 0, left: failure.times ?? 1, isApplied, label }
    planted.push(fault)
    return fault
  }
  return {
    latencyMs: () => latencyMs,
    take: (method, path) => {
      const hit = planted.find(
        (fault) =>
          fault.left > 0 &&
          (fault.method ?? method) === method &&
          (fault.path === undefined || asRegExp(fault.path).test(path)),
      )
      if (hit === undefined) return null
      hit.left--
      hit.hits++
      return hit
    },
    record: (entry) => void entries.push(entry),
    quota: (actor, resource, costs) => {
      const now = world.clock.now()
      const key = `${actor.key}:${resource}`
      const fresh = {
        used: 0,
        limit: actor.kind === 'anonymous' ? 60 : world.settings.rateLimit,
        resetAt: now + 3_600_000,
      }
      const found = quotas.get(key)
      const quota = found !== undefined && found.resetAt > now ? found : fresh
      quotas.set(key, quota)
      const isExhausted = exhaustedUntil > now
      if (isExhausted) Object.assign(quota, { used: quota.limit, resetAt: exhaustedUntil })
      const exceeded = quota.used >= quota.limit
      if (!exceeded && costs) quota.used++
      const body = {
        limit: quota.limit,
        used: quota.used,
        remaining: quota.limit - quota.used,
        reset: Math.ceil(quota.resetAt / 1000),
        resource,
      }
      const headers = Object.fromEntries(
        Object.entries(body).map(([name, value]) => [`x-ratelimit-${name}`, String(value)]),
      )
      return { headers, exceeded, body }
    },
    faults: {
      latency: (ms) => {
        latencyMs = ms
      },
      failNext: (failure) => plant(failure, false, failure.kind ?? 'status'),
      failButApply: (failure) => plant(failure, true, `applied-${failure.kind ?? 'status'}`),
      secondaryLimit: ({ retryAfterSeconds = 60, status = 403, ...match }) =>
        plant(
          {
            ...match,
            status,
            headers: { 'retry-after': String(retryAfterSeconds) },
            body: {
              message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
              documentation_url:
                'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits',
            },
          },
          false,
          'secondary-limit',
        ),
      exhaustRateLimit: (resetInMs = 3_600_000) => {
        exhaustedUntil = world.clock.now() + resetInMs
      },
      lag: (settings) => world.lag.set(settings),
      clear: () => {
        planted = []
        latencyMs = 0
        exhaustedUntil = 0
        quotas.clear()
        world.lag.set({})
      },
    },
    log: {
      all: () => entries,
      mark: () => entries.length,
      since: (mark, match = {}) =>
        entries
          .slice(mark)
          .filter(
            (entry) =>
              (match.kind ?? entry.kind) === entry.kind &&
              (match.method ?? entry.method) === entry.method &&
              (match.path === undefined || asRegExp(match.path).test(entry.path)),
          ),
      clear: () => {
        entries = []
      },
    },
  }
}
