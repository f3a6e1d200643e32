/** Apps and installations: made, limited, suspended; installation tokens. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { accountOf, createAccount } from './accounts.ts'
import { ApiError, covers } from './apps-auth.ts'
import { accountShape, installationShape, repositoryStub } from './shapes.ts'
import {
  type Account,
  type App,
  type Installation,
  iso,
  type Json,
  type Permissions,
  type Repository,
  randomHex,
  type World,
} from './world.ts'

/** Events that an App gets whether it subscribed or not. */
export const ALWAYS_SENT: readonly string[] = [
  'installation',
  'installation_repositories',
  'ping',
  'github_app_authorization',
]

const EVERY_EVENT = [
  'pull_request',
  'issue_comment',
  'push',
  'check_run',
  'check_suite',
  'status',
  'repository',
  'merge_group',
  'pull_request_review',
]

/** What a new App is made of. */
export type NewApp = {
  appId?: number
  name?: string
  ownerLogin?: string
  privateKeyPem?: string
  webhookSecret?: string | null
  webhookUrl?: string | null
  permissions?: Permissions
  events?: string[]
}

/** Permissions that the product's App asks for. */
const GATE_PERMISSIONS: Permissions = {
  checks: 'write',
  pull_requests: 'write',
  contents: 'read',
  metadata: 'read',
  statuses: 'read',
  merge_queues: 'read',
}

/** Registers an App with its bot account; sends nothing. */
export function createApp(world: World, input: NewApp): App {
  const id = input.appId ?? world.nextId()
  if (world.apps.has(id)) throw new Error(`App ${id} exists`)
  const name = input.name ?? `app-${id}`
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const ownerLogin = input.ownerLogin ?? 'app-owner'
  const owner = world.byLogin.get(ownerLogin.toLowerCase()) ?? createAccount(world, ownerLogin, 'User')
  const app: App = {
    id,
    slug,
    name,
    owner,
    bot: createAccount(world, `${slug}[bot]`, 'Bot'),
    publicKey: input.privateKeyPem === undefined ? null : createPublicKey(createPrivateKey(input.privateKeyPem)),
    clientId: `Iv23${randomHex(world, 16)}`,
    webhookSecret: input.webhookSecret ?? null,
    webhookUrl: input.webhookUrl ?? null,
    hookId: world.nextId(),
    permissions: input.permissions ?? { ...GATE_PERMISSIONS },
    events: input.events ?? [...EVERY_EVENT],
    createdAt: world.clock.now(),
    deliveries: [],
  }
  world.apps.set(id, app)
  return app
}

/** Sends `ping`, as GitHub does when a webhook is set up. */
export function pingApp(world: World, app: App): void {
  const hook = {
    type: 'App',
    id: app.hookId,
    name: 'web',
    active: true,
    events: app.events,
    config: { content_type: 'json', insecure_ssl: '0', url: app.webhookUrl },
    updated_at: iso(app.createdAt),
    created_at: iso(app.createdAt),
    app_id: app.id,
  }
  world.emit('ping', { zen: 'Anything added dilutes everything else.', hook_id: app.hookId, hook }, null, app)
}

/** Repositories that an installation reaches. */
export const repositoriesOf = (world: World, installation: Installation): Repository[] =>
  [...world.repositories.values()].filter((repository) => covers(installation, repository))

/** Installs the App on an account, for all or for the named repositories; sends `installation` created. */
export function install(world: World, app: App, account: Account, repositories: Repository[] | null): Installation {
  const installation: Installation = {
    id: world.nextId(),
    app,
    account,
    permissions: { ...app.permissions },
    repositoryIds: repositories === null ? null : new Set(repositories.map((repository) => repository.id)),
    suspendedAt: null,
    createdAt: world.clock.now(),
  }
  world.installations.set(installation.id, installation)
  announce(world, installation, 'created')
  return installation
}

/** Sends an `installation` event. */
export function announce(
  world: World,
  installation: Installation,
  action: 'created' | 'deleted' | 'suspend' | 'unsuspend' | 'new_permissions_accepted',
): void {
  const payload: Json = {
    action,
    installation: installationShape(world, installation),
    sender: accountShape(world, installation.account),
  }
  if (action === 'created' || action === 'deleted')
    payload.repositories = repositoriesOf(world, installation).map(repositoryStub)
  if (action === 'created') payload.requester = null
  world.emit('installation', payload, null, installation.app)
}

/** Sends `installation_repositories` for repositories that came or went; a "selected" installation keeps its list. */
export function changeSelection(
  world: World,
  installation: Installation,
  added: Repository[],
  removed: Repository[],
): void {
  for (const repository of added) installation.repositoryIds?.add(repository.id)
  for (const repository of removed) installation.repositoryIds?.delete(repository.id)
  for (const action of ['added', 'removed'] as const) {
    if ((action === 'added' ? added : removed).length === 0) continue
    const payload: Json = {
      action,
      installation: installationShape(world, installation),
      repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
      repositories_added: action === 'added' ? added.map(repositoryStub) : [],
      repositories_removed: action === 'removed' ? removed.map(repositoryStub) : [],
      requester: null,
      sender: accountShape(world, installation.account),
    }
    world.emit('installation_repositories', payload, null, installation.app)
  }
}

/** A token for one hour, never wider than the installation. @throws ApiError 403 suspended, 422 too wide */
export function issueInstallationToken(
  world: World,
  installation: Installation,
  wanted: { repositoryIds: number[] | null; permissions: Permissions | null },
): Json {
  if (installation.suspendedAt !== null) throw new ApiError(403, 'This installation has been suspended')
  for (const id of wanted.repositoryIds ?? []) {
    const repository = world.repositories.get(id)
    if (repository === undefined || !covers(installation, repository)) {
      throw new ApiError(
        422,
        'There is at least one repository that does not exist or is not accessible to the parent installation.',
      )
    }
  }
  for (const [name, level] of Object.entries(wanted.permissions ?? {})) {
    const held = installation.permissions[name]
    if (held === undefined || (held === 'read' && level !== 'read')) {
      throw new ApiError(422, 'The permissions requested are not granted to this installation.')
    }
  }
  const permissions = wanted.permissions ?? installation.permissions
  const token = `ghs_${randomHex(world, 36)}`
  const expiresAt = world.clock.now() + 3_600_000
  const repositoryIds = wanted.repositoryIds === null ? null : new Set(wanted.repositoryIds)
  world.tokens.set(token, { kind: 'installation', installation, repositoryIds, permissions, expiresAt })
  return {
    token,
    expires_at: iso(expiresAt),
    permissions,
    repository_selection: repositoryIds === null && installation.repositoryIds === null ? 'all' : 'selected',
  }
}

/** Turns a posted manifest into a one-time code, good for an hour. */
export function mintManifestCode(world: World, manifest: Json): string {
  const events = Array.isArray(manifest.default_events) ? manifest.default_events : []
  const permissions = (manifest.default_permissions ?? {}) as Permissions
  // The manifest's check ties this event to the issues permission, though pull request comments come without it.
  if (events.includes('issue_comment') && permissions.issues === undefined)
    throw new ApiError(422, 'Default events are not supported by permissions: issue_comment')
  const code = randomHex(world, 40)
  world.manifests.set(code, { manifest, at: world.clock.now() })
  return code
}

/** Exchanges a manifest code for an App with a fresh key and webhook secret. @throws ApiError 404 */
export function convertManifest(world: World, code: string): { app: App; pem: string; webhookSecret: string } {
  const minted = world.manifests.get(code)
  world.manifests.delete(code)
  if (minted === undefined || minted.at + 3_600_000 < world.clock.now()) throw new ApiError(404, 'Not Found')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const { manifest } = minted
  const hook = manifest.hook_attributes as { url?: string } | undefined
  const webhookSecret = randomHex(world, 40)
  const app = createApp(world, {
    name: typeof manifest.name === 'string' ? manifest.name : 'app',
    privateKeyPem: pem,
    webhookSecret,
    webhookUrl: hook?.url ?? null,
    permissions: (manifest.default_permissions ?? {}) as Permissions,
    events: Array.isArray(manifest.default_events) ? manifest.default_events.map(String) : [],
  })
  return { app, pem, webhookSecret }
}

/** The App with this id. @throws when there is none */
export function appOf(world: World, appId: number): App {
  const app = world.apps.get(appId)
  if (app === undefined) throw new Error(`no App ${appId}`)
  return app
}

/** The installation with this id. @throws when there is none */
export function installationOf(world: World, id: number): Installation {
  const installation = world.installations.get(id)
  if (installation === undefined) throw new Error(`no installation ${id}`)
  return installation
}

/** An owner by login, made as an organization when unknown. */
export const ownerOf = (world: World, login: string): Account =>
  world.byLogin.has(login.toLowerCase()) ? accountOf(world, login) : createAccount(world, login, 'Organization')
