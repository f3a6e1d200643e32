/** Routes of a repository itself: branches, refs, roles, rulesets. */
import { roleIn } from './accounts.ts'
import { ApiError, type Need } from './apps-auth.ts'
import { rulesetShape, rulesFor } from './rulesets.ts'
import { accountShape, commitShape, nodeId, repositoryShape } from './shapes.ts'
import { numberParam, paged, type Reply, type RepositoryCall, type RepositoryRoute } from './routing.ts'
import { branchTip, fullName, type Json, type Rule, type Ruleset } from './world.ts'

/** What reading metadata needs. */
const metadata: Need = { permission: ['metadata'], level: 'read' }
const contents: Need = { permission: ['contents'], level: 'read' }
const administration: Need = { permission: ['administration'], level: 'write', role: 'admin' }

const refShape = (call: RepositoryCall, ref: string, sha: string): Json => ({
  ref,
  node_id: nodeId('REF', `${call.repository.id}:${ref}`),
  url: `${call.world.url}/repos/${fullName(call.repository)}/git/${ref}`,
  object: { sha, type: 'commit', url: `${call.world.url}/repos/${fullName(call.repository)}/git/commits/${sha}` },
})

function showRef(call: RepositoryCall): Reply {
  const ref = `refs/${call.params.ref}`
  const sha = call.repository.refs.get(ref)
  if (sha === undefined) throw new ApiError(404, 'Not Found')
  return { json: refShape(call, ref, sha) }
}

function matchingRefs(call: RepositoryCall): Reply {
  const prefix = `refs/${call.params.ref ?? ''}`
  return paged(
    call,
    [...call.repository.refs].filter(([ref]) => ref.startsWith(prefix)),
    ([ref, sha]) => refShape(call, ref, sha),
  )
}

const isProtected = (call: RepositoryCall, branch: string) => rulesFor(call.repository, branch).length > 0

function showBranch(call: RepositoryCall): Reply {
  const { world, repository } = call
  const name = call.params.branch ?? ''
  const tip = branchTip(repository, name)
  if (tip === undefined) throw new ApiError(404, 'Branch not found')
  const url = `${world.url}/repos/${fullName(repository)}/branches/${name}`
  return {
    json: {
      name,
      commit: commitShape(world, repository, repository.store.commit(tip)),
      _links: { self: url, html: `${world.url}/${fullName(repository)}/tree/${name}` },
      protected: isProtected(call, name),
      protection: { enabled: false, required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] } },
      protection_url: `${url}/protection`,
    },
  }
}

function listBranches(call: RepositoryCall): Reply {
  const rows = [...call.repository.refs].filter(([ref]) => ref.startsWith('refs/heads/'))
  return paged(call, rows, ([ref, sha]) => ({
    name: ref.slice(11),
    commit: { sha, url: `${call.world.url}/repos/${fullName(call.repository)}/commits/${sha}` },
    protected: isProtected(call, ref.slice(11)),
  }))
}

function showPermission(call: RepositoryCall): Reply {
  const { world, repository } = call
  const user = world.byLogin.get((call.params.user ?? '').toLowerCase())
  if (user === undefined) throw new ApiError(404, 'Not Found')
  const role = roleIn(repository, user) ?? (repository.isPrivate ? 'none' : 'read')
  const permission = role === 'maintain' ? 'write' : role === 'triage' ? 'read' : role
  return { json: { permission, role_name: role, user: accountShape(world, user) } }
}

function rulesetOf(call: RepositoryCall): Ruleset {
  const ruleset = call.repository.rulesets.get(numberParam(call, 'id'))
  if (ruleset === undefined) throw new ApiError(404, 'Not Found')
  return ruleset
}

const KNOWN_RULES = [
  'creation',
  'update',
  'deletion',
  'required_linear_history',
  'merge_queue',
  'required_deployments',
  'required_signatures',
  'pull_request',
  'required_status_checks',
  'non_fast_forward',
  'commit_message_pattern',
  'file_path_restriction',
]

const invalid = (text: string) => new ApiError(422, 'Validation Failed', [{ message: text }])

function readRuleset(call: RepositoryCall, old: Ruleset | null): Ruleset {
  const { body, world } = call
  const now = world.clock.now()
  const name = body.name ?? old?.name
  if (typeof name !== 'string' || name === '') throw invalid("Name can't be blank")
  const enforcement = body.enforcement ?? old?.enforcement
  if (enforcement !== 'active' && enforcement !== 'evaluate' && enforcement !== 'disabled')
    throw invalid('Enforcement is not included in the list')
  const rules = (body.rules ?? old?.rules ?? []) as Rule[]
  for (const rule of rules) if (!KNOWN_RULES.includes(rule.type)) throw invalid(`Invalid rule '${rule.type}'`)
  for (const other of call.repository.rulesets.values())
    if (other !== old && other.name === name) throw invalid('Name must be unique')
  const names = (body.conditions as { ref_name?: { include?: string[]; exclude?: string[] } } | undefined)?.ref_name
  return {
    id: old?.id ?? world.nextId(),
    name,
    target: typeof body.target === 'string' ? body.target : (old?.target ?? 'branch'),
    enforcement,
    bypassActors: (body.bypass_actors ?? old?.bypassActors ?? []) as Json[],
    include: names?.include ?? old?.include ?? [],
    exclude: names?.exclude ?? old?.exclude ?? [],
    rules,
    createdAt: old?.createdAt ?? now,
    updatedAt: now,
  }
}

function writeRuleset(call: RepositoryCall, old: Ruleset | null): Reply {
  const ruleset = readRuleset(call, old)
  call.repository.rulesets.set(ruleset.id, ruleset)
  return { status: old === null ? 201 : 200, json: rulesetShape(call.world, call.repository, ruleset, true) }
}

/** Who bypasses is shown to administrators only. */
const seesBypass = (call: RepositoryCall) =>
  call.actor.kind === 'user'
    ? roleIn(call.repository, call.actor.account) === 'admin'
    : call.actor.kind === 'installation' && call.actor.permissions.administration === 'write'

function branchRules(call: RepositoryCall): Reply {
  const rows = rulesFor(call.repository, call.params.branch ?? '')
  return paged(call, rows, ({ rule, ruleset }) => ({
    ...rule,
    ruleset_source_type: 'Repository',
    ruleset_source: fullName(call.repository),
    ruleset_id: ruleset.id,
  }))
}

/** Routes of the repository itself. */
export const repositoryRoutes: readonly RepositoryRoute[] = [
  {
    method: 'GET',
    pattern: '',
    need: metadata,
    run: (call) => ({ json: repositoryShape(call.world, call.repository) }),
  },
  { method: 'GET', pattern: '/git/ref/*ref', need: contents, run: showRef },
  { method: 'GET', pattern: '/git/matching-refs/*ref', need: contents, run: matchingRefs },
  { method: 'GET', pattern: '/git/refs/*ref', need: contents, run: showRef },
  { method: 'GET', pattern: '/branches', need: contents, run: listBranches },
  { method: 'GET', pattern: '/branches/*branch', need: contents, run: showBranch },
  { method: 'GET', pattern: '/collaborators/:user/permission', need: metadata, run: showPermission },
  {
    method: 'GET',
    pattern: '/rulesets',
    need: metadata,
    run: (call) =>
      paged(call, [...call.repository.rulesets.values()], (one) => {
        const { rules: _rules, conditions: _conditions, ...row } = rulesetShape(call.world, call.repository, one, false)
        return row
      }),
  },
  { method: 'POST', pattern: '/rulesets', need: administration, run: (call) => writeRuleset(call, null) },
  {
    method: 'GET',
    pattern: '/rulesets/:id',
    need: metadata,
    run: (call) => ({ json: rulesetShape(call.world, call.repository, rulesetOf(call), seesBypass(call)) }),
  },
  { method: 'PUT', pattern: '/rulesets/:id', need: administration, run: (call) => writeRuleset(call, rulesetOf(call)) },
  {
    method: 'DELETE',
    pattern: '/rulesets/:id',
    need: administration,
    run: (call) => {
      call.repository.rulesets.delete(rulesetOf(call).id)
      return { status: 204 }
    },
  },
  { method: 'GET', pattern: '/rules/branches/*branch', need: metadata, run: branchRules },
]
