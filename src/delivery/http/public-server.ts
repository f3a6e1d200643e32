import type { AddressInfo } from 'node:net'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify'
import { challengeRefused, webhookRefused } from '../../flows/audit/refusals.ts'
import type { SecurityEvents } from '../../flows/audit/security-events.ts'
import type { Intake } from '../../flows/gate/intake.ts'
import type { Clock, LogFiles, Telemetry, Timers } from '../../flows/ports.ts'
import { rationEvents } from '../../flows/rationed-events.ts'
import { createAnswerRoom } from './answer-room.ts'
import { createBodyBudget } from './body-budget.ts'
import {
  addChallengeRoute,
  challengePath,
  type MakeChallenge,
  type MakeChallengeOf,
  type ReleaseChallengeRequest,
  releaseChallengePath,
} from './challenge-route.ts'
import { addChangePage, type ReadDetails } from './change-page.ts'
import { createClientAddresses } from './client-address.ts'
import {
  type ConnectionLimits,
  createLimitedServer,
  defaultConnectionLimits,
  refuseBrokenRequest,
} from './connection-limits.ts'
import { addHealthRoutes, type Readiness } from './health-routes.ts'
import { addLogRoutes, type LogAdmission } from './log-routes.ts'
import { notFoundProblem, problemOf, sendProblem } from './problem.ts'
import { createRequestLimiter } from './request-limiter.ts'
import { addWebhookRoute, webhookPath } from './webhook-route.ts'

/** The part of the configuration that the public listener obeys. */
export interface PublicServerSettings {
  readonly listen: { readonly host: string; readonly port: number }
  readonly trustedProxies: readonly string[]
  readonly maxBodyBytes: number
  readonly challenge: { readonly perClientAndMinute: number; readonly perMinute: number }
}

export interface PublicServerParts {
  readonly http: PublicServerSettings
  readonly intake: Intake
  readonly readiness: () => Promise<Readiness>
  readonly challenge: MakeChallenge
  readonly releaseChallenge: MakeChallengeOf<ReleaseChallengeRequest>
  readonly details: ReadDetails
  readonly logFiles: Pick<LogFiles, 'read'>
  readonly logAdmission: LogAdmission
  readonly clock: Clock
  readonly timers: Timers
  readonly telemetry: Telemetry
  readonly events: Pick<SecurityEvents, 'noteRationed'>
  /** The name of an address in the security log: the same for the same address, and nobody can tell it back. */
  readonly clientUser: (address: string) => string
  readonly limits?: Partial<ConnectionLimits>
}

export interface PublicServer {
  /** Resolves with the address once connections are accepted. */
  listen(): Promise<{ readonly host: string; readonly port: number }>
  /** Accepts nothing new, lets requests end, after `deadlineMs` cuts what is left. */
  stop(deadlineMs: number): Promise<void>
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const sweepEveryMs = 25

const otherMethods = (...allowed: readonly HTTPMethods[]): HTTPMethods[] =>
  (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const).filter((method) => !allowed.includes(method))

/**
 * The listener that strangers reach. Everything it does for one of them is bounded in size, time, memory and log lines;
 * everything it answers is from a closed list.
 */
export function createPublicServer(parts: PublicServerParts): PublicServer {
  const {
    http,
    intake,
    readiness,
    challenge,
    releaseChallenge,
    details,
    logFiles,
    logAdmission,
    clock,
    timers,
    telemetry,
    events,
    clientUser,
  } = parts
  const limits = { ...defaultConnectionLimits, ...parts.limits }
  const notice = rationEvents(telemetry, clock)
  const addresses = createClientAddresses(http.trustedProxies)
  const clientOf = (request: FastifyRequest): string => {
    const forwarded = request.headers['x-forwarded-for']
    return addresses.clientOf(
      request.raw.socket.remoteAddress,
      Array.isArray(forwarded) ? forwarded.join(',') : forwarded,
    )
  }
  const userOf = (request: FastifyRequest): string => clientUser(clientOf(request))
  const onRefused = (request: FastifyRequest, code: string): void => challengeRefused(events, code, userOf(request))
  const app = fastify({
    serverFactory: (handler) => createLimitedServer(handler, limits, addresses, telemetry),
    clientErrorHandler: (error, socket) => refuseBrokenRequest(error, socket, telemetry),
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    bodyLimit: http.maxBodyBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 100 },
  }) as unknown as FastifyInstance

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { problem, isOurs } = problemOf(error)
    telemetry.count('http_problem', { code: problem.code })
    if (request.routeOptions.url === webhookPath) webhookRefused(events, problem.code, isOurs, userOf(request))
    if (isOurs) notice('http-failed', 'error', problem.code, { route: request.routeOptions.url ?? null, error })
    sendProblem(request, reply.headers(headers), problem)
  }

  app.setErrorHandler((error, request, reply) => answerError(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    telemetry.count('http_problem', { code: notFoundProblem.code })
    return sendProblem(request, reply.headers(headers), notFoundProblem)
  })

  app.register(async (scope) =>
    addWebhookRoute(scope, { intake, bodies: createBodyBudget(http.maxBodyBytes), telemetry, events, userOf }),
  )
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addHook('onRequest', (_request, reply, next) => {
      reply.headers(headers)
      next()
    })
    scope.get('/', (_request, reply) =>
      reply.type('text/plain; charset=utf-8').send('governance: webhooks, challenges, changes\n'),
    )
    addHealthRoutes(scope, { readiness, clock })
    addChallengeRoute(scope, {
      challenge,
      releaseChallenge,
      limiter: createRequestLimiter(clock, http.challenge),
      clientOf,
      onRefused,
      clock,
      timers,
    })
    addChangePage(scope, { details, limiter: createRequestLimiter(clock, http.challenge), clientOf, onRefused })
    addLogRoutes(scope, { logFiles, admission: logAdmission, room: createAnswerRoom(), clientOf })
    for (const url of [
      '/',
      '/log/decisions/*',
      '/healthz',
      '/readyz',
      challengePath,
      releaseChallengePath,
      '/changes/:owner/:repo/:number',
    ])
      refuseOtherMethods(scope, url, ['GET', 'HEAD'])
    refuseOtherMethods(scope, webhookPath, ['POST'])
  })

  return {
    async listen() {
      await app.listen({ host: http.listen.host, port: http.listen.port })
      const { address, port } = app.server.address() as AddressInfo
      return { host: address, port }
    },
    async stop(deadlineMs) {
      // A connection whose request ends after the stop began would idle on until its client lets go.
      let cancelSweep = (): void => {}
      const sweep = (): void => {
        app.server.closeIdleConnections()
        cancelSweep = timers.after(sweepEveryMs, sweep)
      }
      const cancelDeadline = timers.after(deadlineMs, () => app.server.closeAllConnections())
      sweep()
      await app.close()
      cancelSweep()
      cancelDeadline()
    },
  }
}

/** 405 before any body is read, with what would be allowed; OPTIONS says the same and grants no other origin anything. */
function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  const allow = [...allowed, 'OPTIONS'].join(', ')
  app.route({
    method: otherMethods(...allowed),
    url,
    onRequest(request, reply) {
      reply.header('allow', allow)
      sendProblem(request, reply, { status: 405, code: 'method-not-allowed', title: 'Method not allowed' })
    },
    handler: () => undefined,
  })
  app.options(url, (_request, reply) => reply.code(204).header('allow', allow).send())
}
