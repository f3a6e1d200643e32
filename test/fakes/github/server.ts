/** The HTTP server: authentication, redirects, permissions, ETags, rate limits, faults, log. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Actor, ApiError, actorOf, authorize, canSee } from './apps-auth.ts'
import type { Deliveries } from './deliveries.ts'
import type { FaultState } from './faults.ts'
import { graphql } from './graphql.ts'
import { appRoutes } from './routes-app.ts'
import { checkRoutes } from './routes-checks.ts'
import { commentRoutes } from './routes-comments.ts'
import { gitRoutes } from './routes-git.ts'
import { pullRoutes } from './routes-pulls.ts'
import { repositoryRoutes } from './routes-repository.ts'
import { type Call, matchPath, type Reply } from './routing.ts'
import type { Json, Repository, World } from './world.ts'

const VERSIONS = ['2022-11-28', '2026-03-10']
const BODY_LIMIT = 10_000_000
// Comments first: `/issues/comments` is no issue number.
const belowRepository = [...repositoryRoutes, ...commentRoutes, ...pullRoutes, ...gitRoutes, ...checkRoutes]

/** The parts the server works with. */
export type ServerParts = {
  world: World
  deliveries: Deliveries
  faults: FaultState
  control: ((request: IncomingMessage, body: Buffer) => Promise<{ status: number; json: unknown }>) | null
}

type Prepared = { method: string; url: URL; path: string; headers: Record<string, string | undefined>; body: Buffer }

/** A server that is not listening yet. */
export function createApiServer(parts: ServerParts): Server {
  const server = createServer((request, response) => {
    void serve(parts, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({ message: `stand-in failed: ${error instanceof Error ? error.stack : String(error)}` }),
      )
    })
  })
  server.keepAliveTimeout = 30_000
  return server
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > BODY_LIMIT) throw new ApiError(413, 'Payload too large')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

async function serve(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = performance.now()
  const { world, faults } = parts
  const body = await readBody(request)
  const method = request.method ?? 'GET'
  const url = new URL(request.url ?? '/', world.url)
  const path = url.pathname.replace(/^\/api\/v3(?=\/)/, '').replace(/^\/api\/graphql$/, '/graphql')
  if (path.startsWith('/_control/') && parts.control !== null) {
    const { status, json } = await parts.control(request, body)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json) ?? 'null')
    return
  }
  const fault = faults.take(method, url.pathname + url.search)
  const latency = faults.latencyMs()
  if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency))
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
  )
  let answer: Answer
  if (fault !== null && !fault.isApplied) answer = failed(fault)
  else {
    answer = answerTo(parts, { method, url, path, headers, body })
    if (fault?.isApplied) answer = { ...failed({ status: 502, ...fault }), actor: answer.actor }
  }
  const kind = method === 'GET' || path === '/graphql' ? 'read' : path.endsWith('/access_tokens') ? 'auth' : 'write'
  faults.record({
    at: world.clock.now(),
    method,
    path: url.pathname + url.search,
    status: answer.status,
    kind,
    notModified: answer.status === 304,
    fault: fault?.label ?? null,
    actor: answer.actor,
    durationMs: performance.now() - started,
  })
  if (fault?.kind === 'timeout') return
  if (fault?.kind === 'reset') {
    request.socket.resetAndDestroy()
    return
  }
  response.sendDate = false
  response.writeHead(answer.status, {
    date: new Date(world.clock.now()).toUTCString(),
    server: 'github.com',
    'x-github-request-id': `${faults.log.mark()}`,
    ...answer.headers,
  })
  response.end(answer.body)
}

type Answer = { status: number; headers: Record<string, string>; body: Buffer; actor: string }

const jsonAnswer = (status: number, json: unknown, headers: Record<string, string>, actor: string): Answer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: Buffer.from(JSON.stringify(json)),
  actor,
})

const failed = (fault: { status?: number; body?: Json; headers?: Record<string, string> }): Answer =>
  jsonAnswer(fault.status ?? 500, fault.body ?? { message: 'Server Error' }, fault.headers ?? {}, 'fault')

const errorBody = (error: ApiError): Json => ({
  message: error.message,
  ...(error.errors.length > 0 ? { errors: error.errors } : {}),
  documentation_url: 'https://docs.github.com/rest',
  status: String(error.status),
})

function answerTo(parts: ServerParts, prepared: Prepared): Answer {
  const { world, faults } = parts
  const { method, path, headers } = prepared
  let actor: Actor = { kind: 'anonymous', key: 'anonymous' }
  let limits: Record<string, string> = {}
  try {
    if (headers['user-agent'] === undefined)
      throw new ApiError(
        403,
        'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
      )
    const version = headers['x-github-api-version'] ?? VERSIONS[0] ?? ''
    if (!VERSIONS.includes(version)) throw new ApiError(400, `"${version}" is not a valid API version`)
    actor = actorOf(world, headers.authorization)
    const resource = path === '/graphql' ? 'graphql' : 'core'
    const isFree = path === '/rate_limit' || path.startsWith('/settings/')
    const before = faults.quota(actor, resource, false)
    if (before.exceeded && !isFree) {
      return jsonAnswer(
        403,
        {
          message: `API rate limit exceeded for ${actor.key}.`,
          documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api',
          status: '403',
        },
        before.headers,
        actor.key,
      )
    }
    const reply = dispatch(parts, prepared, actor)
    const status = reply.status ?? 200
    const content = reply.raw ?? Buffer.from(status === 204 ? '' : JSON.stringify(reply.json))
    const etag = `W/"${createHash('sha256').update(content).update(actor.key).digest('hex')}"`
    const isConditional = method === 'GET' && status === 200
    const isSame = isConditional && (headers['if-none-match'] ?? '').split(/,\s*/).includes(etag)
    limits = faults.quota(actor, resource, !isFree && !(isSame && actor.kind !== 'anonymous')).headers
    const out: Record<string, string> = {
      'x-github-media-type': 'github.v3; format=json',
      'x-github-api-version-selected': version,
      ...limits,
      ...reply.headers,
    }
    if (isConditional)
      Object.assign(out, {
        etag,
        'cache-control': 'private, max-age=60, s-maxage=60',
        vary: 'Accept, Authorization, Cookie',
      })
    if (isSame) return { status: 304, headers: out, body: Buffer.alloc(0), actor: actor.key }
    if (reply.raw === undefined && status !== 204) out['content-type'] = 'application/json; charset=utf-8'
    return { status, headers: out, body: content, actor: actor.key }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status !== 401) limits = faults.quota(actor, 'core', true).headers
    return jsonAnswer(error.status, errorBody(error), limits, actor.key)
  }
}

function dispatch(parts: ServerParts, prepared: Prepared, actor: Actor): Reply {
  const { world, deliveries, faults } = parts
  const { method, path, url, headers } = prepared
  const isForm = (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
  const call: Call = {
    world,
    deliveries,
    faults,
    actor,
    method,
    path,
    params: {},
    query: url.searchParams,
    headers,
    body: isForm ? Object.fromEntries(new URLSearchParams(prepared.body.toString())) : parseBody(prepared.body),
  }
  if (path === '/graphql' && method === 'POST') return graphql(call)
  for (const route of appRoutes) {
    const params = route.method === method ? matchPath(route.pattern, path) : null
    if (params !== null) return route.run({ ...call, params })
  }
  const moved = redirected(call)
  if (moved !== null) return moved
  const { repository, rest } = findRepository(call)
  const inside = { ...call, path: rest, repository }
  let allowed = false
  for (const route of belowRepository) {
    const params = matchPath(route.pattern, rest)
    if (params === null) continue
    if (route.method !== method) {
      allowed = true
      continue
    }
    authorize(actor, repository, route.need)
    return route.run({ ...inside, params })
  }
  throw new ApiError(allowed ? 405 : 404, allowed ? 'Method Not Allowed' : 'Not Found')
}

function parseBody(body: Buffer): Json {
  if (body.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw new ApiError(400, 'Problems parsing JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(400, 'Body should be a JSON object')
  return value as Json
}

/** Where a request for a former name of a repository is sent: by number, 301 for reads and 307 for writes. */
function redirected(call: Call): Reply | null {
  const { world, actor, path, method, query } = call
  const byName = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path)
  const name = byName === null ? '' : `${byName[1]}/${byName[2]}`.toLowerCase()
  const id = world.movedNames.get(name)
  const repository = id === undefined || world.byName.has(name) ? undefined : world.repositories.get(id)
  if (repository === undefined || !canSee(actor, repository)) return null
  const search = query.size === 0 ? '' : `?${query}`
  const location = `${world.url}/repositories/${repository.id}${byName?.[3] ?? ''}${search}`
  const json = {
    message: 'Moved Permanently',
    url: location,
    documentation_url: 'https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects',
  }
  return { status: method === 'GET' ? 301 : 307, json, headers: { location } }
}

function findRepository(call: Call): { repository: Repository; rest: string } {
  const { world, actor, path } = call
  const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(path)
  const byName = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path)
  const repository =
    byId !== null
      ? world.repositories.get(Number(byId[1]))
      : byName !== null
        ? world.byName.get(`${byName[1]}/${byName[2]}`.toLowerCase())
        : undefined
  if (repository !== undefined && canSee(actor, repository))
    return { repository, rest: (byId?.[2] ?? byName?.[3] ?? '').replace(/\/$/, '') }
  throw new ApiError(404, 'Not Found')
}
