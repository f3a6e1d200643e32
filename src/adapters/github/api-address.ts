import { AppError } from '../../flows/app-error.ts'

/** Where the forge's API lives, and how a path becomes an address below it. */
export interface ApiAddress {
  readonly rest: (path: string, query?: Query) => URL
  readonly graphql: URL
  /**
   * Where a redirect leads, or null when it leaves the API. A token that followed it would be handed to a stranger, and
   * an inner address would be fetched for one (T60).
   */
  readonly follow: (from: URL, location: string) => URL | null
}

export type Query = Readonly<Record<string, string | number>>

const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/**
 * Reads `api_url`: `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server.
 *
 * Checks: https, plain http on the loopback only; no user, query or fragment.
 * @throws AppError config-invalid
 */
export function createApiAddress(apiUrl: string): ApiAddress {
  const refuse = (reason: string) => new AppError('config-invalid', `api_url: ${reason}`, { data: { reason } })
  const parsed = URL.parse(apiUrl)
  if (parsed === null) throw refuse('not an address')
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && loopback.has(parsed.hostname))) {
    throw refuse('not https')
  }
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '') {
    throw refuse('has more than host and path')
  }
  const root = parsed.href.replace(/\/+$/, '')
  const isEnterprise = root.endsWith('/api/v3')
  return {
    rest(path, query = {}) {
      const url = new URL(root + path)
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
      return url
    },
    graphql: new URL(isEnterprise ? `${root.slice(0, -'/v3'.length)}/graphql` : `${root}/graphql`),
    follow(from, location) {
      const to = location === '' ? null : URL.parse(location, from.href)
      if (to === null || to.origin !== parsed.origin || to.username !== '' || to.password !== '') return null
      const base = parsed.pathname.replace(/\/+$/, '')
      return to.pathname.startsWith(`${base}/`) ? to : null
    },
  }
}

/**
 * Builds a path of the API, each value one segment of it.
 *
 * @throws AppError forge-not-found for a value that would climb out of its place (T60)
 */
export function path(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  let built = texts[0] as string
  for (const [at, value] of values.entries()) {
    const segment = String(value)
    if (segment === '' || segment === '.' || segment === '..') {
      throw new AppError('forge-not-found', 'a name is not one that the forge can have')
    }
    built += encodeURIComponent(segment) + (texts[at + 1] as string)
  }
  return built
}

/** Where people see a repository, given the API's address: the forge's web pages stand beside its API. */
export function webUrlOf(apiUrl: string): string {
  const url = new URL(apiUrl)
  return url.hostname === 'api.github.com' ? 'https://github.com' : url.origin
}
