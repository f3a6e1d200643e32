import type { FastifyInstance } from 'fastify'
import type { Telemetry } from '../../flows/ports.ts'
import type { Witness, WitnessReply } from '../../flows/record/witness.ts'
import type { ReadBody } from './body-budget.ts'
import { sendProblem } from './problem.ts'

/** Signatures of strangers that are being checked at once; more wait no longer than it takes to be told. */
const mostAtOnce = 64

const titles: Readonly<Record<Exclude<WitnessReply, { readonly status: 200 }>['code'], string>> = {
  'request-malformed': 'The body is no add-checkpoint request',
  'checkpoint-malformed': 'The checkpoint is none of three lines',
  'old-size-too-large': 'The proof starts after the checkpoint',
  'log-signature': 'No good signature by a key of this log',
  'log-unknown': 'This witness does not know the log',
  'old-size-stale': 'Another size was cosigned last',
  'split-view': 'Another head of this size was cosigned',
  'proof-invalid': 'The checkpoint does not continue the cosigned one',
}

/**
 * `POST /add-checkpoint`. Trust: nothing, and whatever the content type says; the witness checks the log's own signature.
 * Spec: C2SP tlog-witness.
 */
export function addWitnessRoutes(
  app: FastifyInstance,
  parts: { readonly witness: Pick<Witness, 'addCheckpoint'>; readonly telemetry: Telemetry },
): void {
  const { witness, telemetry } = parts
  let running = 0

  app.post('/add-checkpoint', async (request, reply) => {
    const read = (request.body ?? { ok: true, body: new Uint8Array(0) }) as ReadBody
    if (!read.ok) {
      telemetry.count('witness_unread', { code: read.code })
      if (read.code === 'busy' || read.code === 'body-broken')
        return sendProblem(request, reply, { status: 503, code: 'busy', title: 'Temporarily unavailable' })
      return sendProblem(request, reply, { status: 413, code: 'body-too-large', title: 'Body too large' })
    }
    if (running >= mostAtOnce) {
      telemetry.count('witness_unread', { code: 'busy' })
      return sendProblem(request, reply, { status: 503, code: 'busy', title: 'Temporarily unavailable' })
    }
    running++
    let answer: WitnessReply
    try {
      answer = await witness.addCheckpoint(read.body)
    } finally {
      running--
    }
    telemetry.count('witness_reply', { status: String(answer.status) })
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    if (answer.status === 200) return reply.type('text/plain; charset=utf-8').send(answer.cosignature)
    if (answer.code === 'old-size-stale') {
      // Other clients compare the whole header: no parameter may follow.
      return reply
        .code(409)
        .header('content-type', 'text/x.tlog.size')
        .send(Buffer.from(`${answer.size}\n`))
    }
    return sendProblem(request, reply, { status: answer.status, code: answer.code, title: titles[answer.code] })
  })
}
