/** Routes as data: a pattern, what it needs, what it answers; pages and lagging lists. */
import { type Actor, ApiError, type Need } from './apps-auth.ts'
import type { Deliveries } from './deliveries.ts'
import type { FaultState } from './faults.ts'
import type { Json, Repository, World } from './world.ts'

/** A request that reached a route. */
export type Call = {
  world: World
  deliveries: Deliveries
  faults: FaultState
  actor: Actor
  method: string
  /** The path after `/repos/o/r` or `/repositories/id`, or the whole path. */
  path: string
  params: Record<string, string>
  query: URLSearchParams
  headers: Record<string, string | undefined>
  body: Json
}

/** A request to a route below a repository. */
export type RepositoryCall = Call & { repository: Repository }

/** What goes back: JSON, or raw bytes with a content type. */
export type Reply = { status?: number; json?: unknown; raw?: Buffer; headers?: Record<string, string> }

/** A route outside repositories. */
export type Route = { method: string; pattern: string; run: (call: Call) => Reply }

/** A route below a repository. */
export type RepositoryRoute = { method: string; pattern: string; need: Need; run: (call: RepositoryCall) => Reply }

const compiled = new Map<string, RegExp>()

/** The parameters of a path that matches `a/:b/*rest`, or null. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  let expression = compiled.get(pattern)
  if (expression === undefined) {
    const source = pattern
      .replace(/[.]/g, '\\.')
      .replace(/:(\w+)/g, '(?<$1>[^/]+)')
      .replace(/\*(\w+)/g, '(?<$1>.+)')
    expression = new RegExp(`^${source}/?$`)
    compiled.set(pattern, expression)
  }
  const match = expression.exec(path)
  if (match === null) return null
  return Object.fromEntries(
    Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
  )
}

/** A number from the path. @throws ApiError 404 */
export function numberParam(call: Call, name: string): number {
  const value = Number(call.params[name])
  if (!Number.isSafeInteger(value) || value <= 0) throw new ApiError(404, 'Not Found')
  return value
}

/** Page number and size as GitHub reads them: default 30, at most 100. */
export function pageOf(query: URLSearchParams, size = 30, max = 100): { page: number; perPage: number } {
  const read = (name: string, fallback: number) => {
    const value = Number(query.get(name) ?? fallback)
    return Number.isInteger(value) && value > 0 ? value : fallback
  }
  return { page: read('page', 1), perPage: Math.min(read('per_page', size), max) }
}

/** The Link header; repository lists name the repository by number, as GitHub does. */
export function linkHeader(call: Call, page: number, last: number): Record<string, string> {
  const url = (number: number) => {
    const query = new URLSearchParams(call.query)
    query.set('page', String(number))
    const repository = (call as Partial<RepositoryCall>).repository
    const path = repository === undefined ? call.path : `/repositories/${repository.id}${call.path}`
    return `<${call.world.url}${path}?${query}>`
  }
  const links: string[] = []
  if (page > 1) links.push(`${url(page - 1)}; rel="prev"`)
  if (page < last) links.push(`${url(page + 1)}; rel="next"`, `${url(last)}; rel="last"`)
  if (page > 1) links.push(`${url(1)}; rel="first"`)
  return links.length === 0 ? {} : { link: links.join(', ') }
}

/** One page of a list. */
export function paged<T>(
  call: Call,
  items: readonly T[],
  render: (item: T) => unknown,
  wrap?: (rows: unknown[], total: number) => Json,
): Reply {
  const { page, perPage } = pageOf(call.query)
  const rows = items.slice((page - 1) * perPage, page * perPage).map(render)
  const headers = linkHeader(call, page, Math.max(1, Math.ceil(items.length / perPage)))
  return { json: wrap === undefined ? rows : wrap(rows, items.length), headers }
}

/** Items as a list sees them: shapes that lag behind writes where that is switched on. */
export function lagging<T extends object>(
  world: World,
  items: readonly T[],
  render: (item: T) => Json,
): (() => Json)[] {
  const out: (() => Json)[] = []
  for (const item of items) {
    let isCurrent = false
    const shape = world.lag.view(item, () => {
      isCurrent = true
      return {}
    })
    // Rendering waits until the page is known: a list of thousands shows thirty.
    if (isCurrent) out.push(() => render(item))
    else if (shape !== null) out.push(() => shape)
  }
  return out
}
