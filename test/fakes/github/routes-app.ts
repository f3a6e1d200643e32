/** Routes outside repositories: the App, its installations and deliveries, the manifest flow, users, limits. */
import { convertManifest, issueInstallationToken, mintManifestCode, repositoriesOf } from './apps.ts'
import { ApiError, covers, installationFor } from './apps-auth.ts'
import { accountShape, appShape, installationShape, repositoryShape } from './shapes.ts'
import { numberParam, paged, pageOf, type Call, type Reply, type Route } from './routing.ts'
import { type App, type Delivery, type Installation, iso, type Json, type Permissions } from './world.ts'

function appOfCall(call: Call): App {
  if (call.actor.kind !== 'app') throw new ApiError(401, 'A JSON web token could not be decoded')
  return call.actor.app
}

function ownInstallation(call: Call): Installation {
  const installation = call.world.installations.get(numberParam(call, 'id'))
  if (installation === undefined || installation.app !== appOfCall(call)) throw new ApiError(404, 'Not Found')
  return installation
}

const installationsOf = (call: Call) =>
  [...call.world.installations.values()].filter((one) => one.app === appOfCall(call))

function makeToken(call: Call): Reply {
  const installation = ownInstallation(call)
  const { repository_ids: ids, repositories: names, permissions } = call.body
  let repositoryIds: number[] | null = Array.isArray(ids) ? ids.map(Number) : null
  if (Array.isArray(names)) {
    const all = [...call.world.repositories.values()].filter((repository) => covers(installation, repository))
    const found = names.map((name) => all.find((repository) => repository.name === name)?.id ?? 0)
    repositoryIds = [...(repositoryIds ?? []), ...found]
  }
  const wanted = typeof permissions === 'object' && permissions !== null ? (permissions as Permissions) : null
  return { status: 201, json: issueInstallationToken(call.world, installation, { repositoryIds, permissions: wanted }) }
}

const deliveryShape = (call: Call, delivery: Delivery): Json => ({
  id: delivery.id,
  guid: delivery.guid,
  delivered_at: new Date(delivery.at).toISOString(),
  redelivery: delivery.redelivery,
  duration: Math.round(delivery.durationMs) / 1000,
  status: delivery.status,
  status_code: delivery.statusCode,
  event: delivery.event,
  action: delivery.action,
  installation_id: delivery.installationId,
  repository_id: delivery.repositoryId,
  throttled_at: null,
  url: `${call.world.url}/app/hook/deliveries/${delivery.id}`,
})

/** Newest first; the cursor names the first delivery of the page, so that new ones do not shift it. */
function listDeliveries(call: Call): Reply {
  const { perPage } = pageOf(call.query)
  const status = call.query.get('status')
  const all = call.deliveries
    .log(appOfCall(call))
    .filter((one) => status === null || (status === 'success') === (one.statusCode >= 200 && one.statusCode < 400))
  const cursor = /^v1_(\d+)$/.exec(call.query.get('cursor') ?? '')?.[1]
  const rest = cursor === undefined ? all : all.filter((one) => one.id <= Number(cursor))
  const page = rest.slice(0, perPage)
  const next = rest[perPage]
  const query = new URLSearchParams(call.query)
  query.set('cursor', `v1_${next?.id}`)
  const headers: Record<string, string> =
    next === undefined ? {} : { link: `<${call.world.url}/app/hook/deliveries?${query}>; rel="next"` }
  return { json: page.map((one) => deliveryShape(call, one)), headers }
}

function findDelivery(call: Call): Delivery {
  const id = numberParam(call, 'id')
  const found = call.deliveries.log(appOfCall(call)).find((one) => one.id === id)
  if (found === undefined) throw new ApiError(404, 'Not Found')
  return found
}

function showDelivery(call: Call): Reply {
  const delivery = findDelivery(call)
  const request = { headers: delivery.requestHeaders, payload: JSON.parse(delivery.payload) as Json }
  const response = { headers: delivery.responseHeaders, payload: delivery.responseBody }
  return { json: { ...deliveryShape(call, delivery), request, response } }
}

function repositoryInstallation(call: Call): Reply {
  const app = appOfCall(call)
  const { owner, repo, id } = call.params
  const repository =
    id === undefined ? call.world.byName.get(`${owner}/${repo}`.toLowerCase()) : call.world.repositories.get(Number(id))
  const moved = id === undefined ? call.world.movedNames.get(`${owner}/${repo}`.toLowerCase()) : undefined
  if (repository === undefined && moved !== undefined) {
    const location = `${call.world.url}/repositories/${moved}/installation`
    return { status: 301, json: { message: 'Moved Permanently', url: location }, headers: { location } }
  }
  const installation = repository === undefined ? undefined : installationFor(call.world, app, repository)
  if (installation === undefined) throw new ApiError(404, 'Not Found')
  return { json: installationShape(call.world, installation) }
}

function installationRepositories(call: Call): Reply {
  if (call.actor.kind !== 'installation') throw new ApiError(403, 'Resource not accessible by this token')
  const { installation, repositoryIds } = call.actor
  const rows = repositoriesOf(call.world, installation).filter(
    (repository) => repositoryIds?.has(repository.id) ?? true,
  )
  const wrap = (repositories: unknown[], total: number) => ({
    total_count: total,
    repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
    repositories,
  })
  return paged(call, rows, (repository) => repositoryShape(call.world, repository), wrap)
}

/** What the browser posts to `/settings/apps/new`: GitHub would ask the person; the stand-in says yes at once. */
function acceptManifest(call: Call): Reply {
  let manifest: Json
  try {
    manifest = JSON.parse(String(call.body.manifest)) as Json
  } catch {
    return page(422, 'The manifest is not valid JSON.')
  }
  const hook = manifest.hook_attributes as { url?: unknown } | undefined
  const problems = [
    typeof manifest.url === 'string' ? '' : '"url" wasn\'t supplied.',
    typeof manifest.redirect_url === 'string' ? '' : '"redirect_url" wasn\'t supplied.',
    hook === undefined || typeof hook.url === 'string' ? '' : '"hook_attributes.url" wasn\'t supplied.',
  ].filter((text) => text !== '')
  if (problems.length > 0) return page(422, `Error: ${problems.join(' ')}`)
  const target = new URL(String(manifest.redirect_url))
  target.searchParams.set('code', mintManifestCode(call.world, manifest))
  const state = call.query.get('state')
  if (state !== null) target.searchParams.set('state', state)
  return {
    ...page(302, 'Redirecting'),
    headers: { 'content-type': 'text/html; charset=utf-8', location: target.toString() },
  }
}

const page = (status: number, text: string): Reply => ({
  status,
  raw: Buffer.from(`<!doctype html><title>Create GitHub App (stand-in)</title><p>${text.replaceAll('<', '&lt;')}</p>`),
  headers: { 'content-type': 'text/html; charset=utf-8' },
})

function convert(call: Call): Reply {
  const { app, pem, webhookSecret } = convertManifest(call.world, call.params.code ?? '')
  return {
    status: 201,
    json: { ...appShape(call.world, app), client_secret: `secret-${app.clientId}`, webhook_secret: webhookSecret, pem },
  }
}

function showUser(call: Call): Reply {
  const { login, id } = call.params
  const account =
    login === undefined ? call.world.accounts.get(Number(id)) : call.world.byLogin.get(login.toLowerCase())
  if (account === undefined) throw new ApiError(404, 'Not Found')
  return {
    json: {
      ...accountShape(call.world, account),
      name: account.login,
      email: null,
      created_at: iso(account.createdAt),
      updated_at: iso(account.createdAt),
    },
  }
}

function currentUser(call: Call): Reply {
  if (call.actor.kind === 'installation') throw new ApiError(403, 'Resource not accessible by integration')
  if (call.actor.kind !== 'user') throw new ApiError(401, 'Requires authentication')
  return { json: accountShape(call.world, call.actor.account) }
}

function rateLimit(call: Call): Reply {
  const core = call.faults.quota(call.actor, 'core', false).body
  return { json: { resources: { core, graphql: call.faults.quota(call.actor, 'graphql', false).body }, rate: core } }
}

/** The routes outside repositories. */
export const appRoutes: readonly Route[] = [
  {
    method: 'GET',
    pattern: '/app',
    run: (call) => ({
      json: { ...appShape(call.world, appOfCall(call)), installations_count: installationsOf(call).length },
    }),
  },
  {
    method: 'GET',
    pattern: '/app/installations',
    run: (call) => paged(call, installationsOf(call), (one) => installationShape(call.world, one)),
  },
  {
    method: 'GET',
    pattern: '/app/installations/:id',
    run: (call) => ({ json: installationShape(call.world, ownInstallation(call)) }),
  },
  { method: 'POST', pattern: '/app/installations/:id/access_tokens', run: makeToken },
  {
    method: 'GET',
    pattern: '/app/hook/config',
    run: (call) => ({
      json: { content_type: 'json', insecure_ssl: '0', secret: '********', url: appOfCall(call).webhookUrl },
    }),
  },
  { method: 'GET', pattern: '/app/hook/deliveries', run: listDeliveries },
  { method: 'GET', pattern: '/app/hook/deliveries/:id', run: showDelivery },
  {
    method: 'POST',
    pattern: '/app/hook/deliveries/:id/attempts',
    run: (call) => {
      call.deliveries.redeliver(appOfCall(call), findDelivery(call))
      return { status: 202, json: {} }
    },
  },
  { method: 'GET', pattern: '/repos/:owner/:repo/installation', run: repositoryInstallation },
  { method: 'GET', pattern: '/repositories/:id/installation', run: repositoryInstallation },
  { method: 'GET', pattern: '/installation/repositories', run: installationRepositories },
  { method: 'POST', pattern: '/app-manifests/:code/conversions', run: convert },
  { method: 'GET', pattern: '/settings/apps/new', run: () => page(200, 'Post a manifest here.') },
  { method: 'POST', pattern: '/settings/apps/new', run: acceptManifest },
  { method: 'POST', pattern: '/organizations/:org/settings/apps/new', run: acceptManifest },
  { method: 'GET', pattern: '/users/:login', run: showUser },
  { method: 'GET', pattern: '/user/:id', run: showUser },
  { method: 'GET', pattern: '/user', run: currentUser },
  { method: 'GET', pattern: '/rate_limit', run: rateLimit },
  {
    method: 'GET',
    pattern: '/meta',
    run: () => ({
      json: {
        verifiable_password_authentication: false,
        hooks: [
          '192.30.252.0/22',
          '185.199.108.0/22',
          '140.82.112.0/20',
          '143.55.64.0/20',
          '2a0a:a440::/29',
          '2606:50c0::/32',
        ],
      },
    }),
  },
]
