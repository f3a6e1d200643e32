import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type AppErrorCode } from '../../flows/app-error.ts'

/** An answer that is not what the client wanted, as RFC 9457 tells it. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  /** What the client can do. */
  readonly detail?: string
  readonly retryAfterSeconds?: number
}

/** What a stranger is told of a refusal of the world: that it is ours to repair, and when to come back; no more. */
const unavailable = { status: 503, title: 'Temporarily unavailable', retryAfterSeconds: 30 } as const
const broken = { status: 500, title: 'Internal error' } as const
const notFound = { status: 404, title: 'Not found' } as const

const answers: Readonly<Record<AppErrorCode, Omit<Problem, 'code'>>> = {
  'forge-unavailable': unavailable,
  'forge-rate-limited': unavailable,
  'forge-not-found': notFound,
  'forge-forbidden': notFound,
  'forge-suspended': notFound,
  'forge-incomplete': unavailable,
  'forge-ambiguous': unavailable,
  'forge-rejected': broken,
  'store-unavailable': unavailable,
  'store-corrupt': broken,
  'store-locked': unavailable,
  'store-key-wrong': broken,
  'schema-unknown': broken,
  'custody-refused': broken,
  'custody-not-found': broken,
  'clock-untrusted': unavailable,
  'config-invalid': broken,
  'policy-unusable': unavailable,
  'not-found': notFound,
  'log-files-unavailable': unavailable,
  'log-file-differs': broken,
  'log-ahead': broken,
  'calendar-unavailable': unavailable,
  'witness-unreachable': unavailable,
  'blob-erased': {
    status: 410,
    title: 'Erased',
    detail: 'The value was erased for good; the entry blob-erased of the log says when and why.',
  },
  'not-supported': { status: 501, title: 'Not supported' },
}

/** The one 404: whatever is asked for, its bytes are the same. */
export const notFoundProblem: Problem = { ...notFound, code: 'not-found' }

const internal: Problem = { ...broken, code: 'internal' }

/** What the framework refuses before a route sees it. Everything else that it says is ours to log, not to tell. */
const frameworkProblems: Readonly<Record<number, Problem>> = {
  400: { status: 400, code: 'request-malformed', title: 'Malformed request' },
  404: notFoundProblem,
  408: { status: 408, code: 'request-timeout', title: 'Request took too long' },
  413: { status: 413, code: 'body-too-large', title: 'Body too large' },
  414: { status: 414, code: 'path-too-long', title: 'Path too long' },
  415: {
    status: 415,
    code: 'media-type',
    title: 'Unsupported media type',
    detail: 'Send application/json without content encoding; set "Content type" of the webhook to application/json.',
  },
  503: { status: 503, code: 'stopping', title: 'Temporarily unavailable', retryAfterSeconds: 5 },
}

/** The mapping of errors to answers, in one place. `isOurs` says that it must be looked at. */
export function problemOf(error: unknown): { readonly problem: Problem; readonly isOurs: boolean } {
  if (error instanceof AppError) {
    const answer = answers[error.code]
    const code = answer === notFound ? notFoundProblem.code : answer === broken ? internal.code : error.code
    return { problem: { ...answer, code }, isOurs: answer.status >= 500 }
  }
  if (isFrameworkError(error)) {
    const problem = frameworkProblems[error.statusCode]
    if (problem !== undefined) return { problem, isOurs: false }
  }
  return { problem: internal, isOurs: true }
}

/** Sends a problem. A request whose body was not read to its end must not be followed by another one. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, code, title, detail, retryAfterSeconds } = problem
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  if (!request.raw.complete) reply.header('connection', 'close')
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .send(JSON.stringify({ type: 'about:blank', status, code, title, ...(detail === undefined ? {} : { detail }) }))
}

function isFrameworkError(error: unknown): error is { readonly code: string; readonly statusCode: number } {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return false
  return typeof error.code === 'string' && error.code.startsWith('FST_ERR_') && typeof error.statusCode === 'number'
}
