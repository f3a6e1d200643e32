import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseLogPath } from '../../core/index.ts'
import type { LogFiles } from '../../flows/ports.ts'
import { notFoundProblem, sendProblem } from './problem.ts'

/** How long what was fetched may be kept: a written file never changes, a value may have to be erased, a head moves on. */
const caching = {
  tile: 'public, max-age=31536000, immutable',
  blob: 'public, max-age=86400',
  checkpoint: 'no-cache',
} as const

const typeOf = {
  tile: 'application/octet-stream',
  blob: 'application/octet-stream',
  checkpoint: 'text/plain; charset=utf-8',
}

/**
 * `GET /log/decisions/…`: the public files of the decision log, from the place where they lie and never from the database.
 *
 * Trust: the path is a stranger's; only paths of core's closed list are read (T60). Everything else is the one 404.
 * Spec: C2SP tlog-tiles. A partial file that the log has outgrown stays until its place removes it; one that is gone is
 * answered by 404, and readers take the full file.
 */
export function addLogRoutes(app: FastifyInstance, { logFiles }: { readonly logFiles: Pick<LogFiles, 'read'> }): void {
  app.get('/log/decisions/*', async (request: FastifyRequest, reply: FastifyReply) => {
    const path = (request.params as { readonly '*': string })['*']
    // The router decodes escapes; a spelling that is not the plain one names nothing.
    const isPlain = request.url === `/log/decisions/${path}`
    const parsed = isPlain ? parseLogPath(path) : undefined
    const bytes = parsed === undefined ? null : await logFiles.read(path)
    if (parsed === undefined || bytes === null) return sendProblem(request, reply, notFoundProblem)

    return reply
      .header('cache-control', caching[parsed.kind])
      .header('access-control-allow-origin', '*')
      .header('cross-origin-resource-policy', 'cross-origin')
      .type(typeOf[parsed.kind])

      .send(Buffer.from(bytes))
  })
}
