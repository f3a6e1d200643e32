import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { changeOf, type ChangePath } from './change-path.ts'
import { clientGroup } from './client-address.ts'
import { notFoundProblem, sendProblem } from './problem.ts'
import type { RequestLimiter } from './request-limiter.ts'

/** What the page shows. Trust: titles and logins are strangers' text; the page escapes all of it. */
export interface ChangeDetails {
  readonly title: string
  readonly lines: readonly string[]
}

/** The explanation of the newest verdict; null for what is unknown or not public. */
export type ReadDetails = (change: ChangePath) => Promise<ChangeDetails | null>

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}'
/** No script, no form, no frame, nothing from elsewhere; the one style by its hash. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `GET /changes/<owner>/<repo>/<number>`: the details link of the check, for people. */
export function addChangePage(
  app: FastifyInstance,
  parts: {
    readonly details: ReadDetails
    readonly limiter: RequestLimiter
    readonly clientOf: (request: FastifyRequest) => string
    /** Tells the security log what was refused. */
    readonly onRefused: (request: FastifyRequest, code: string) => void
  },
): void {
  const { details, limiter, clientOf, onRefused } = parts
  app.get('/changes/:owner/:repo/:number', async (request, reply) => {
    if (!limiter.admits(clientGroup(clientOf(request)), null)) {
      const title = 'Too many requests'
      onRefused(request, 'too-many-requests')
      return sendProblem(request, reply, { status: 429, code: 'too-many-requests', title, retryAfterSeconds: 60 })
    }
    const change = changeOf(request.params)
    const shown = change === null ? null : await details(change)
    if (shown === null) {
      onRefused(request, notFoundProblem.code)
      return sendProblem(request, reply, notFoundProblem)
    }
    return reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .send(renderPage(shown))
  })
}

function renderPage({ title, lines }: ChangeDetails): string {
  const heading = escapeHtml(title)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${heading}</title><style>${style}</style></head>
<body>
<h1>${heading}</h1>
<pre>${lines.map(escapeHtml).join('\n')}</pre>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Text that stays text wherever it stands in the page. Control characters and those that reverse or hide text become
 * visible marks: a title must not be able to show another verdict than the one recorded.
 */
function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
