import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseWish, type Wish } from '../../flows/gate/wish.ts'
import { parseReleaseWish, type ReleaseWish } from '../../flows/release/release-wish.ts'
import type { Clock, Timers } from '../../flows/ports.ts'
import { clientGroup } from './client-address.ts'
import { changeOf, type ChangePath, repositoryOf, type RepositoryPath } from './change-path.ts'
import { notFoundProblem, sendProblem } from './problem.ts'
import type { RequestLimiter } from './request-limiter.ts'

/** Who wants to sign. Trust: every part is a stranger's, but each has its shape. */
interface Asker {
  /** Account name of the signer, as typed. */
  readonly maintainer: string
  /** Which key, for a person with several; null when not said. */
  readonly keyid: string | null
}

/** What a signer asks for on a pull request. */
export interface ChallengeRequest extends ChangePath, Asker {
  /** What to sign; an approval when the request says nothing else. */
  readonly wish: Wish
}

/** What a signer asks for about a release. */
export type ReleaseChallengeRequest = RepositoryPath & Asker & ReleaseWish

/**
 * Makes the challenge, or says no in one way only: unknown repository, pull request or revision, and maintainer, private
 * repository. Must do the same work for each of them.
 */
export type MakeChallengeOf<T> = (
  request: T,
) => Promise<{ readonly ok: true; readonly body: Readonly<Record<string, unknown>> } | { readonly ok: false }>

export type MakeChallenge = MakeChallengeOf<ChallengeRequest>

const loginShape = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/
const keyIdShape = /^[0-9a-f]{64}$/
export const challengePath = '/challenge/:owner/:repo/:number'
export const releaseChallengePath = '/challenge/:owner/:repo/release'
/** Nobody learns from the time of a 404 how far the search went: none is sent earlier. */
const notFoundAfterMs = 40

/**
 * `GET /challenge/<owner>/<repo>/<number>?maintainer=…&keyid=…&decision=…` and
 * `GET /challenge/<owner>/<repo>/release?maintainer=…&tag=…&revision=…&artifacts=…`: public, write nothing. Checks: rates, but
 * never against the first request per (pull request or tag, signer) and minute, so that nobody can keep a maintainer from signing.
 */
export function addChallengeRoute(
  app: FastifyInstance,
  parts: {
    readonly challenge: MakeChallenge
    readonly releaseChallenge: MakeChallengeOf<ReleaseChallengeRequest>
    readonly limiter: RequestLimiter
    readonly clientOf: (request: FastifyRequest) => string
    /** Tells the security log what was refused. */
    readonly onRefused: (request: FastifyRequest, code: string) => void
    readonly clock: Clock
    readonly timers: Timers
  },
): void {
  const { challenge, releaseChallenge, limiter, clientOf, onRefused, clock, timers } = parts

  async function answer<T extends RepositoryPath & Asker>(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: T | null,
    what: string,
    make: MakeChallengeOf<T>,
  ): Promise<FastifyReply> {
    const startedAt = clock.now()
    const subject = asked && `${asked.owner}/${asked.repo}#${what} ${asked.maintainer}`.toLowerCase()
    if (!limiter.admits(clientGroup(clientOf(request)), subject)) {
      onRefused(request, 'too-many-requests')
      return sendProblem(request, reply, {
        status: 429,
        code: 'too-many-requests',
        title: 'Too many requests',
        retryAfterSeconds: 60 - (Math.floor(startedAt / 1_000) % 60),
      })
    }
    const made = asked === null ? ({ ok: false } as const) : await make(asked)
    if (made.ok) return reply.header('content-type', 'application/json').send(JSON.stringify(made.body))
    const rest = notFoundAfterMs - (clock.now() - startedAt)
    if (rest > 0) await new Promise<void>((resolve) => timers.after(Math.min(rest, notFoundAfterMs), resolve))
    onRefused(request, notFoundProblem.code)
    return sendProblem(request, reply, notFoundProblem)
  }

  app.get(releaseChallengePath, async (request, reply) => {
    const asked = releaseChallengeOf(request)
    return answer(request, reply, asked, `release ${asked?.tag ?? ''}`, releaseChallenge)
  })
  app.get(challengePath, async (request, reply) => {
    const asked = challengeOf(request)
    return answer(request, reply, asked, String(asked?.number ?? 0), challenge)
  })
}

function askerOf({ maintainer, keyid }: Readonly<Record<string, unknown>>): Asker | null {
  if (typeof maintainer !== 'string' || !loginShape.test(maintainer)) return null
  if (keyid === undefined) return { maintainer, keyid: null }
  return typeof keyid === 'string' && keyIdShape.test(keyid) ? { maintainer, keyid } : null
}

function challengeOf(request: FastifyRequest): ChallengeRequest | null {
  const change = changeOf(request.params)
  const { maintainer, keyid, ...fields } = request.query as Record<string, unknown>
  const asker = askerOf({ maintainer, keyid })
  const wish = parseWish(fields)
  return change === null || wish === null || asker === null ? null : { ...change, ...asker, wish }
}

function releaseChallengeOf(request: FastifyRequest): ReleaseChallengeRequest | null {
  const repository = repositoryOf(request.params)
  const { maintainer, keyid, ...fields } = request.query as Record<string, unknown>
  const asker = askerOf({ maintainer, keyid })
  const wish = parseReleaseWish(fields)
  return repository === null || wish === null || asker === null ? null : { ...repository, ...asker, ...wish }
}
