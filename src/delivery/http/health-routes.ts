import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../flows/ports.ts'

/** Whether the server can do its work. Says nothing secret: words, each yes or no. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: { readonly store: boolean; readonly policy: boolean; readonly log: boolean }
  /** Whether nobody outside is asked before the log is signed. */
  readonly unwitnessed?: boolean
  /** Whether the head that was cosigned last has its quorum; null where none is configured. */
  readonly quorum?: boolean | null
  /** Whether the off-host copies of both logs show the newest heads; null where none is configured. */
  readonly offHost?: boolean | null
  /** Whether the public files of the log show its newest head. */
  readonly published?: boolean
}

/** For so long one answer serves all: each is a durable write, and strangers may ask as often as they like. */
const freshMs = 1_000

/** `GET /healthz`: the process answers. `GET /readyz`: store writable, policy in force, log consistent. */
export function addHealthRoutes(
  app: FastifyInstance,
  parts: { readonly readiness: () => Promise<Readiness>; readonly clock: Clock },
): void {
  const { readiness, clock } = parts
  let newest: { readonly at: number; readonly answer: Promise<Readiness> } | null = null

  app.get('/healthz', (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok\n'))

  app.get('/readyz', async (_request, reply) => {
    const now = clock.now()
    if (newest === null || now < newest.at || now - newest.at >= freshMs) {
      const answer: Promise<Readiness> = readiness().catch(() => ({
        ready: false,
        checks: { store: false, policy: false, log: false },
      }))
      newest = { at: now, answer }
    }
    const { ready, checks, unwitnessed, quorum, offHost, published } = await newest.answer
    const { store, policy, log } = checks
    return reply
      .code(ready ? 200 : 503)
      .type('application/json')
      .send(JSON.stringify({ ready, checks: { store, policy, log }, unwitnessed, quorum, offHost, published }))
  })
}
