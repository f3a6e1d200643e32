import { isJsonObject, type Json, type JsonObject } from '../../core/index.ts'
import type { Ruleset } from '../../flows/ports.ts'

const fullRef = (ref: string): string => (ref.startsWith('refs/') ? ref : `refs/heads/${ref}`)

/**
 * The ruleset that keeps a governed branch: changes by pull request only, our check by our App required, no force push,
 * no deletion, nobody exempt.
 *
 * Up-to-date heads are not asked for: a review that runs for months must not start anew with each merge.
 */
export function rulesetBody(wanted: Ruleset): Json {
  return {
    name: wanted.name,
    target: 'branch',
    enforcement: 'active',
    bypass_actors: [],
    conditions: { ref_name: { include: [fullRef(wanted.ref)], exclude: [] } },
    rules: [
      { type: 'deletion' },
      { type: 'non_fast_forward' },
      {
        type: 'pull_request',
        parameters: {
          required_approving_review_count: 0,
          dismiss_stale_reviews_on_push: false,
          require_code_owner_review: false,
          require_last_push_approval: false,
          required_review_thread_resolution: false,
        },
      },
      {
        type: 'required_status_checks',
        parameters: {
          strict_required_status_checks_policy: false,
          required_status_checks: [{ context: wanted.checkName, integration_id: wanted.appId }],
        },
      },
    ],
  }
}

const objects = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : []

/**
 * Says whether a ruleset as the forge shows it keeps the branch at least as `rulesetBody` would.
 *
 * Errs: a bypass list that the forge hides from the caller counts as empty; a condition by pattern that is not the
 * branch's own name (but for all branches) counts as not covering it.
 */
export function fulfils(shown: JsonObject, wanted: Ruleset): boolean {
  if (shown.enforcement !== 'active' || (shown.target ?? 'branch') !== 'branch') return false
  if (shown.bypass_actors !== undefined && objects(shown.bypass_actors).length > 0) return false
  const names =
    isJsonObject(shown.conditions) && isJsonObject(shown.conditions.ref_name) ? shown.conditions.ref_name : {}
  const include = Array.isArray(names.include) ? names.include : []
  const exclude = Array.isArray(names.exclude) ? names.exclude : []
  if (!include.some((one) => one === fullRef(wanted.ref) || one === '~ALL') || exclude.length > 0) return false
  const rules = objects(shown.rules)
  const hasRule = (type: string) => rules.some((rule) => rule.type === type)
  if (!hasRule('deletion') || !hasRule('non_fast_forward') || !hasRule('pull_request')) return false
  return rules.some((rule) => {
    if (rule.type !== 'required_status_checks' || !isJsonObject(rule.parameters)) return false
    const checks = objects(rule.parameters.required_status_checks)
    return checks.some((check) => check.context === wanted.checkName && check.integration_id === wanted.appId)
  })
}
