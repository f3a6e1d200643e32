/** Who a request is: App JWT really verified, installation and user tokens, permissions per endpoint. */
import { verify } from 'node:crypto'
import { hasRole, roleIn } from './accounts.ts'
import {
  type Account,
  type App,
  type Installation,
  type Json,
  type Permissions,
  type Repository,
  randomHex,
  type Role,
  type World,
} from './world.ts'

/** An answer that is not the wanted one, as GitHub words it. */
export class ApiError extends Error {
  readonly status: number
  readonly errors: readonly Json[]
  constructor(status: number, message: string, errors: readonly Json[] = []) {
    super(message)
    this.status = status
    this.errors = errors
  }
}

/** The sender of a request. */
export type Actor =
  | { kind: 'anonymous'; key: string }
  | { kind: 'app'; key: string; app: App }
  | {
      kind: 'installation'
      key: string
      installation: Installation
      repositoryIds: Set<number> | null
      permissions: Permissions
    }
  | { kind: 'user'; key: string; account: Account }

const decodePart = (part: string): Json => {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
  if (typeof value !== 'object' || value === null) throw new Error('not an object')
  return value as Json
}

/** The App a JWT proves. @throws ApiError 401 with GitHub's words */
function verifyJwt(world: World, jwt: string): App {
  const bad = () => new ApiError(401, 'A JSON web token could not be decoded')
  const [head, body, signature] = jwt.split('.')
  if (head === undefined || body === undefined || signature === undefined) throw bad()
  let header: Json
  let claims: Json
  try {
    header = decodePart(head)
    claims = decodePart(body)
  } catch {
    throw bad()
  }
  if (header.alg !== 'RS256') throw bad()
  const app = [...world.apps.values()].find(
    (candidate) => String(candidate.id) === String(claims.iss) || candidate.clientId === claims.iss,
  )
  if (app === undefined) throw new ApiError(404, 'Integration not found')
  if (app.publicKey === null) throw bad()
  const ok = verify('sha256', Buffer.from(`${head}.${body}`), app.publicKey, Buffer.from(signature, 'base64url'))
  if (!ok) throw bad()
  const now = Math.floor(world.clock.now() / 1000)
  const { iat, exp } = claims
  if (typeof iat !== 'number' || !Number.isInteger(iat) || iat > now + 60) {
    throw new ApiError(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    )
  }
  if (typeof exp !== 'number' || !Number.isInteger(exp)) {
    throw new ApiError(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    )
  }
  if (exp <= now)
    throw new ApiError(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    )
  if (exp > now + 600) throw new ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
  return app
}

/** The sender that an Authorization header proves. @throws ApiError 401 */
export function actorOf(world: World, authorization: string | undefined): Actor {
  if (authorization === undefined || authorization === '') return { kind: 'anonymous', key: 'anonymous' }
  const value = /^(?:bearer|token)\s+(\S+)$/i.exec(authorization)?.[1]
  if (value === undefined) throw new ApiError(401, 'Bad credentials')
  if (value.split('.').length === 3) {
    const app = verifyJwt(world, value)
    return { kind: 'app', key: `app:${app.id}`, app }
  }
  const token = world.tokens.get(value)
  if (token === undefined) throw new ApiError(401, 'Bad credentials')
  if (token.kind === 'user') return { kind: 'user', key: `user:${token.account.id}`, account: token.account }
  if (token.expiresAt <= world.clock.now() || !world.installations.has(token.installation.id))
    throw new ApiError(401, 'Bad credentials')
  if (token.installation.suspendedAt !== null) throw new ApiError(403, 'This installation has been suspended')
  const { installation, repositoryIds, permissions } = token
  return { kind: 'installation', key: `installation:${installation.id}`, installation, repositoryIds, permissions }
}

/** Makes a user's personal access token. */
export function issueUserToken(world: World, account: Account): string {
  const token = `ghp_${randomHex(world, 36)}`
  world.tokens.set(token, { kind: 'user', account })
  return token
}

/** Whether the installation reaches the repository. */
export const covers = (installation: Installation, repository: Repository): boolean =>
  installation.account === repository.owner && (installation.repositoryIds?.has(repository.id) ?? true)

/** The installation of an App that reaches a repository, suspended ones included. */
export const installationFor = (world: World, app: App, repository: Repository): Installation | undefined =>
  [...world.installations.values()].find((one) => one.app === app && covers(one, repository))

const reaches = (actor: Actor, repository: Repository): boolean =>
  actor.kind === 'installation' &&
  covers(actor.installation, repository) &&
  (actor.repositoryIds?.has(repository.id) ?? true)

/** What an endpoint asks of its caller: any one of the App permissions, or the person's role. */
export type Need = { permission: readonly string[]; level: 'read' | 'write'; role?: Role }

/** Lets the request through or throws 404 (may not know) or 403 (may know, may not do). */
export function authorize(actor: Actor, repository: Repository, need: Need): void {
  const notFound = new ApiError(404, 'Not Found')
  if (actor.kind === 'app') throw new ApiError(401, 'Bad credentials')
  if (actor.kind === 'installation') {
    if (!reaches(actor, repository)) {
      if (repository.isPrivate) throw notFound
      const isPublicRead =
        need.level === 'read' && need.permission.some((name) => name === 'contents' || name === 'metadata')
      if (!isPublicRead) throw new ApiError(403, 'Resource not accessible by integration')
      return
    }
    const granted = need.permission.some((name) => {
      const level = name === 'metadata' ? (actor.permissions[name] ?? 'read') : actor.permissions[name]
      return level !== undefined && (need.level === 'read' || level !== 'read')
    })
    if (!granted) throw new ApiError(403, 'Resource not accessible by integration')
    return
  }
  const account = actor.kind === 'user' ? actor.account : null
  const role = account === null ? null : roleIn(repository, account)
  if (repository.isPrivate && role === null) throw notFound
  if (need.level === 'read' && need.role === undefined) return
  if (account === null) throw new ApiError(401, 'Requires authentication')
  const wanted = need.role ?? 'write'
  if (wanted !== 'read' && !hasRole(repository, account, wanted)) {
    throw wanted === 'admin'
      ? new ApiError(403, 'Must have admin rights to Repository.')
      : new ApiError(403, 'Resource not accessible by personal access token')
  }
}

/** Whether the sender may know that the repository exists. */
export function canSee(actor: Actor, repository: Repository): boolean {
  if (!repository.isPrivate) return true
  if (actor.kind === 'installation') return reaches(actor, repository)
  if (actor.kind === 'app') return true
  return actor.kind === 'user' && roleIn(repository, actor.account) !== null
}
