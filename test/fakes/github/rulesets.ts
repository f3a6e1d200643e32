/** Rulesets: which rules hold for a branch and what they forbid. */
import { isAncestor } from './git-history.ts'
import { fullName, iso, type Json, type Repository, type Rule, type Ruleset, type World } from './world.ts'

/** A push or merge that a ruleset forbids; `violations` says why, as the remote would print it. */
export class RuleViolation extends Error {
  readonly violations: readonly string[]
  constructor(violations: readonly string[]) {
    super(`Repository rule violations found: ${violations.join('; ')}`)
    this.violations = violations
  }
}

const asRegExp = (pattern: string) =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*\*/g, '\0')
      .replace(/\*/g, '[^/]*')
      .replaceAll('\0', '.*')
      .replace(/\?/g, '[^/]')}$`,
  )

function matches(repository: Repository, pattern: string, ref: string): boolean {
  if (pattern === '~ALL') return true
  if (pattern === '~DEFAULT_BRANCH') return ref === `refs/heads/${repository.defaultBranch}`
  return asRegExp(pattern.startsWith('refs/') ? pattern : `refs/heads/${pattern}`).test(ref)
}

/** Active rules for a branch, each with its ruleset. */
export function rulesFor(repository: Repository, branch: string): { rule: Rule; ruleset: Ruleset }[] {
  const ref = `refs/heads/${branch}`
  return [...repository.rulesets.values()]
    .filter((ruleset) => ruleset.enforcement === 'active' && ruleset.target === 'branch')
    .filter((ruleset) => ruleset.include.some((pattern) => matches(repository, pattern, ref)))
    .filter((ruleset) => !ruleset.exclude.some((pattern) => matches(repository, pattern, ref)))
    .flatMap((ruleset) => ruleset.rules.map((rule) => ({ rule, ruleset })))
}

/** A check that a ruleset requires; without `appId` any source will do. */
export type RequiredCheck = { context: string; appId: number | null }

/** The checks that the branch's rules require. */
export function requiredChecks(repository: Repository, branch: string): RequiredCheck[] {
  return rulesFor(repository, branch)
    .filter(({ rule }) => rule.type === 'required_status_checks')
    .flatMap(({ rule }) => {
      const list = rule.parameters?.required_status_checks
      return Array.isArray(list) ? (list as { context: string; integration_id?: number | null }[]) : []
    })
    .map(({ context, integration_id }) => ({ context, appId: integration_id ?? null }))
}

/** Why GitHub would not count the check as passed on this head, or null. Success, neutral and skipped all pass. */
export function unmetCheck(repository: Repository, head: string, check: RequiredCheck): string | null {
  const runs = (repository.runsByHead.get(head) ?? []).filter(
    (run) => run.name === check.context && (check.appId === null || run.app.id === check.appId),
  )
  const run = runs.at(-1)
  if (run !== undefined) {
    const passed = run.status === 'completed' && ['success', 'neutral', 'skipped'].includes(run.conclusion ?? '')
    return passed
      ? null
      : `Required status check "${check.context}" is ${run.status === 'completed' ? 'failing' : 'in progress'}.`
  }
  const status = repository.statuses.findLast(
    (one) => one.sha === head && one.context === check.context && (check.appId === null || one.app?.id === check.appId),
  )
  if (status !== undefined)
    return status.state === 'success' ? null : `Required status check "${check.context}" is ${status.state}.`
  return `Required status check "${check.context}" is expected.`
}

/** What the rules say against moving a branch from `before` to `after` by a direct push. */
export function pushViolations(
  repository: Repository,
  branch: string,
  before: string | undefined,
  after: string | null,
): string[] {
  const out: string[] = []
  for (const { rule } of rulesFor(repository, branch)) {
    if (rule.type === 'deletion' && after === null) out.push('Cannot delete this branch')
    if (after === null) continue
    if (rule.type === 'creation' && before === undefined)
      out.push('Cannot create ref due to creations being restricted.')
    if (before === undefined) continue
    if (rule.type === 'update') out.push('Cannot update this protected ref.')
    if (rule.type === 'non_fast_forward' && !isAncestor(repository.store, before, after))
      out.push('Cannot force-push to this branch')
    if (rule.type === 'pull_request') out.push('Changes must be made through a pull request.')
  }
  if (after !== null && before !== undefined) {
    for (const check of requiredChecks(repository, branch)) {
      const unmet = unmetCheck(repository, after, check)
      if (unmet !== null) out.push(unmet)
    }
  }
  return out
}

/** A ruleset as the REST API shows it. */
export function rulesetShape(world: World, repository: Repository, ruleset: Ruleset, withBypass: boolean): Json {
  const shape: Json = {
    id: ruleset.id,
    name: ruleset.name,
    target: ruleset.target,
    source_type: 'Repository',
    source: fullName(repository),
    enforcement: ruleset.enforcement,
    conditions: { ref_name: { include: ruleset.include, exclude: ruleset.exclude } },
    rules: ruleset.rules,
    node_id: Buffer.from(`RRS:${ruleset.id}`).toString('base64url'),
    created_at: iso(ruleset.createdAt),
    updated_at: iso(ruleset.updatedAt),
    _links: { self: { href: `${world.url}/repos/${fullName(repository)}/rulesets/${ruleset.id}` } },
  }
  if (withBypass) Object.assign(shape, { bypass_actors: ruleset.bypassActors, current_user_can_bypass: 'never' })
  return shape
}
