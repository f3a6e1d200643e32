import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseWish, type Wish } from '../../flows/gate/wish.ts'
import type { Clock, Timers } from '../../flows/ports.ts'
import { clientGroup } from './client-address.ts'
import { changeOf, type ChangePath } from './change-path.ts'
import { notFoundProblem, sendProblem } from './problem.ts'
import type { RequestLimiter } from './request-limiter.ts'

/** What a signer asks for. Trust: every part is a stranger's, but each has its shape. */
export interface ChallengeRequest extends ChangePath {
  /** Account name of the signer, as typed. */
  readonly maintainer: string
  /** Which key, for a person with several; null when not said. */
  readonly keyid: string | null
  /** What to sign; an approval when the request says nothing else. */
  readonly wish: Wish
}

/**
 * Makes the challenge, or says no in one way only: unknown repository, pull request and maintainer, private repository.
 * Must do the same work for each of them.
 */
export type MakeChallenge = (
  request: ChallengeRequest,
) => Promise<{ readonly ok: true; readonly body: Readonly<Record<string, unknown>> } | { readonly ok: false }>

const loginShape = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/
const keyIdShape = /^[0-9a-f]{64}$/
/** Nobody learns from the time of a 404 how far the search went: none is sent earlier. */
const notFoundAfterMs = 40

/**
 * `GET /challenge/<owner>/<repo>/<number>?maintainer=…&keyid=…&decision=…`: public, writes nothing. Checks: rates, but never against
 * the first request per (pull request, signer) and minute, so that nobody can keep a maintainer from signing.
 */
export function addChallengeRoute(
  app: FastifyInstance,
  parts: {
    readonly challenge: MakeChallenge
    readonly limiter: RequestLimiter
    readonly clientOf: (request: FastifyRequest) => string
    /** Tells the security log what was refused. */
    readonly onRefused: (request: FastifyRequest, code: string) => void
    readonly clock: Clock
    readonly timers: Timers
  },
): void {
  const { challenge, limiter, clientOf, onRefused, clock, timers } = parts
  app.get('/challenge/:owner/:repo/:number', async (request, reply) => {
    const startedAt = clock.now()
    const asked = challengeOf(request)
    const subject = asked && `${asked.owner}/${asked.repo}#${asked.number} ${asked.maintainer}`.toLowerCase()
    if (!limiter.admits(clientGroup(clientOf(request)), subject)) {
      onRefused(request, 'too-many-requests')
      return sendProblem(request, reply, {
        status: 429,
        code: 'too-many-requests',
        title: 'Too many requests',
        retryAfterSeconds: 60 - (Math.floor(startedAt / 1_000) % 60),
      })
    }
    const answer = asked === null ? ({ ok: false } as const) : await challenge(asked)
    if (answer.ok) return reply.header('content-type', 'application/json').send(JSON.stringify(answer.body))
    const rest = notFoundAfterMs - (clock.now() - startedAt)
    if (rest > 0) await new Promise<void>((resolve) => timers.after(Math.min(rest, notFoundAfterMs), resolve))
    onRefused(request, notFoundProblem.code)
    return sendProblem(request, reply, notFoundProblem)
  })
}

function challengeOf(request: FastifyRequest): ChallengeRequest | null {
  const change = changeOf(request.params)
  const { maintainer, keyid, ...fields } = request.query as Record<string, unknown>
  const wish = parseWish(fields)
  if (change === null || wish === null || typeof maintainer !== 'string' || !loginShape.test(maintainer)) return null
  if (keyid === undefined) return { ...change, maintainer, keyid: null, wish }
  return typeof keyid === 'string' && keyIdShape.test(keyid) ? { ...change, maintainer, keyid, wish } : null
}
