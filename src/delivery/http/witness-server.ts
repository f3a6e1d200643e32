import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { maxAddCheckpointBytes } from '../../core/index.ts'
import type { Witness } from '../../flows/record/witness.ts'
import type { Clock, Telemetry } from '../../flows/ports.ts'
import { rationEvents } from '../../flows/rationed-events.ts'
import { createBodyBudget } from './body-budget.ts'
import { createClientAddresses } from './client-address.ts'
import { createLimitedServer, defaultConnectionLimits, refuseBrokenRequest } from './connection-limits.ts'
import { notFoundProblem, problemOf, sendProblem } from './problem.ts'
import { addWitnessRoutes } from './witness-routes.ts'

/** A witness that logs can reach. */
export interface WitnessServer {
  /** Resolves with the address once connections are accepted. */
  listen(): Promise<{ readonly host: string; readonly port: number }>
  /** Accepts nothing new and lets requests end. */
  stop(): Promise<void>
}

export interface WitnessServerParts {
  readonly listen: { readonly host: string; readonly port: number }
  readonly witness: Witness
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** The listener of a witness. It serves nothing else, so that it can be up while the rest of a server is not. */
export function createWitnessServer({ listen, witness, clock, telemetry }: WitnessServerParts): WitnessServer {
  const notice = rationEvents(telemetry, clock)
  const addresses = createClientAddresses([])
  const app = fastify({
    serverFactory: (handler) => createLimitedServer(handler, defaultConnectionLimits, addresses, telemetry),
    clientErrorHandler: (error, socket) => refuseBrokenRequest(error, socket, telemetry),
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    bodyLimit: maxAddCheckpointBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  }) as unknown as FastifyInstance

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { problem, isOurs } = problemOf(error)
    telemetry.count('http_problem', { code: problem.code })
    if (isOurs) notice('witness-failed', 'error', problem.code, { error })
    sendProblem(request, reply, problem)
  }

  const bodies = createBodyBudget(maxAddCheckpointBytes)
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply))
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, notFoundProblem))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (_request: FastifyRequest, payload: IncomingMessage) => bodies.read(payload))
  addWitnessRoutes(app, { witness, telemetry })

  return {
    async listen() {
      await app.listen({ host: listen.host, port: listen.port })
      const { address, port } = app.server.address() as AddressInfo
      return { host: address, port }
    },
    async stop() {
      app.server.closeIdleConnections()
      await app.close()
    },
  }
}
