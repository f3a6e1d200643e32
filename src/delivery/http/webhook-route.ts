import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { webhookRefused } from '../../flows/audit/refusals.ts'
import type { SecurityEvents } from '../../flows/audit/security-events.ts'
import type { Intake } from '../../flows/gate/intake.ts'
import type { Telemetry } from '../../flows/ports.ts'
import type { BodyBudget, ReadBody } from './body-budget.ts'
import { type Problem, sendProblem } from './problem.ts'

/** Where the forge delivers. */
export const webhookPath = '/webhooks/github'

const noBytes = Buffer.alloc(0)
const busy: Problem = { status: 503, code: 'busy', title: 'Temporarily unavailable', retryAfterSeconds: 5 }
const refusals: Readonly<Record<Extract<ReadBody, { ok: false }>['code'], Problem>> = {
  'body-too-large': { status: 413, code: 'body-too-large', title: 'Body too large' },
  'body-broken': { status: 400, code: 'body-broken', title: 'Body ended early' },
  busy,
}
const encoded: Problem = {
  status: 415,
  code: 'media-type',
  title: 'Unsupported media type',
  detail: 'Send the body without content encoding.',
}

/**
 * `POST /webhooks/github`. Trust: nothing, until the intake has checked the signature; so the body stays bytes here, and
 * every bound on size, time and memory holds for strangers. No hook runs on this route but its own.
 */
export function addWebhookRoute(
  app: FastifyInstance,
  parts: {
    readonly intake: Intake
    readonly bodies: BodyBudget
    readonly telemetry: Telemetry
    readonly events: Pick<SecurityEvents, 'noteRationed'>
    /** Who asks, as the security log names them. */
    readonly userOf: (request: FastifyRequest) => string
  },
): void {
  const { intake, bodies, telemetry, events, userOf } = parts
  const unread = (request: FastifyRequest, code: string): void => {
    telemetry.count('webhook_unread', { code })
    webhookRefused(events, code, code === busy.code, userOf(request))
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (_request: FastifyRequest, payload: IncomingMessage) =>
    bodies.read(payload),
  )

  app.post(webhookPath, {
    onRequest(request, reply, next) {
      const problem = intake.isOverloaded()
        ? busy
        : request.headers['content-encoding'] === undefined
          ? undefined
          : encoded
      if (problem === undefined) next()
      else {
        unread(request, problem.code)
        sendProblem(request, reply, problem)
      }
    },
    async handler(request, reply) {
      const read = (request.body ?? { ok: true, body: noBytes }) as ReadBody
      if (!read.ok) {
        unread(request, read.code)
        return sendProblem(request, reply, refusals[read.code])
      }
      const { headers } = request
      const answer = await intake.receive({
        guid: single(headers['x-github-delivery']),
        event: single(headers['x-github-event']),
        signature: single(headers['x-hub-signature-256']),
        body: read.body,
        client: userOf(request),
      })
      const { status, code, http } = answer
      if (status === 'refused') {
        const title = http === 401 ? 'Signature refused' : http === 503 ? 'Temporarily unavailable' : 'Delivery refused'
        return sendProblem(request, reply, {
          status: http,
          code,
          title,
          ...(http === 503 ? { retryAfterSeconds: 30 } : {}),
        })
      }
      return reply
        .code(http)
        .header('content-type', 'application/json')
        .header('cache-control', 'no-store')
        .header('x-content-type-options', 'nosniff')
        .send(`{"status":"${status}","code":"${code}"}`)
    },
  })
}

/** A header that was sent twice arrives joined and fails its shape; a list never stands for one value. */
function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
