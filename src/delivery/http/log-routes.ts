import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { cutTile, type LogPath, parseLogPath, tilePath, tileWidth } from '../../core/index.ts'
import type { LogFiles } from '../../flows/ports.ts'
import type { LogReaders } from '../../flows/record/log-readers.ts'
import type { AnswerRoom } from './answer-room.ts'
import type { IsBearer } from './bearer-token.ts'
import { clientGroup } from './client-address.ts'
import { notFoundProblem, sendProblem } from './problem.ts'

/** Who may read the files, and how a holder of the token is known; null where there is no token. */
export interface LogAdmission {
  readonly readers: () => LogReaders
  readonly isBearer: IsBearer | null
}

/** How long what was fetched may be kept: a written file never changes, a value may have to be erased, a head moves on. */
const caching = {
  tile: 'max-age=31536000, immutable',
  blob: 'max-age=86400',
  checkpoint: null,
  break: null,
} as const

const typeOf = {
  tile: 'application/octet-stream',
  blob: 'application/octet-stream',
  checkpoint: 'text/plain; charset=utf-8',
  break: 'text/plain; charset=utf-8',
}

/** The file; a partial one that its place removed is cut from the full one that took its place. */
async function readFile(files: Pick<LogFiles, 'read'>, path: string, parsed: LogPath): Promise<Uint8Array | null> {
  const bytes = await files.read(path)
  if (bytes !== null || parsed.kind !== 'tile' || parsed.file.width === tileWidth) return bytes
  const full = await files.read(tilePath({ ...parsed.file, width: tileWidth }))
  return (full && cutTile(parsed.file, full)) ?? null
}

/**
 * `GET /log/decisions/…`: the public files of the decision log, from the place where they lie and never from the database.
 *
 * Trust: path and token are a stranger's; only paths of core's closed list are read (T60). Everything that is refused is the
 * one 404: it does not say whether there is a file, or a log.
 * Spec: C2SP tlog-tiles; spec/log/log-files.md.
 */
export function addLogRoutes(
  app: FastifyInstance,
  parts: {
    readonly logFiles: Pick<LogFiles, 'read'>
    readonly admission: LogAdmission
    readonly room: AnswerRoom
    readonly clientOf: (request: FastifyRequest) => string
  },
): void {
  const { logFiles, admission, room, clientOf } = parts
  app.get('/log/decisions/*', async (request: FastifyRequest, reply: FastifyReply) => {
    const path = (request.params as { readonly '*': string })['*']
    // The router decodes escapes; a spelling that is not the plain one names nothing.
    const parsed = request.url === `/log/decisions/${path}` ? parseLogPath(path) : undefined
    const readers = admission.readers()
    const isPublic = readers === 'anybody'
    const mayRead =
      isPublic || (readers === 'token-holders' && admission.isBearer?.(request.headers.authorization) === true)
    if (!mayRead || parsed === undefined) return sendProblem(request, reply, notFoundProblem)
    const bytes = await room.read(clientGroup(clientOf(request)), reply.raw, () => readFile(logFiles, path, parsed))
    if (bytes === null) return sendProblem(request, reply, notFoundProblem)
    if (bytes === 'busy')
      return sendProblem(request, reply, {
        status: 503,
        code: 'busy',
        title: 'Temporarily unavailable',
        retryAfterSeconds: 1,
      })
    const kept = caching[parsed.kind]
    reply
      .header('cache-control', kept === null ? 'no-cache' : `${isPublic ? 'public' : 'private'}, ${kept}`)
      .type(typeOf[parsed.kind])
    // What anybody may read, a page of anybody may read.
    if (isPublic)
      reply.header('access-control-allow-origin', '*').header('cross-origin-resource-policy', 'cross-origin')
    else reply.header('vary', 'authorization')
    return reply.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  })
}
