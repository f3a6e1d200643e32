import { globFault } from './globs.ts'
import { policySchema } from './policy-schema.ts'
import type { ClassificationRule, PolicyV1, RepositoryPolicy } from './policy-v1.ts'
import { pointer, type ShapeFault } from '../bytes/shape.ts'

/** One reason why a value is no policy. `path` is a JSON pointer into the value. */
export interface PolicyFault {
  readonly code: string
  readonly path: string
  readonly data: Readonly<Record<string, string | number>>
}

/** A policy whose shape and references hold, or everything that is wrong with it. */
export type CheckedPolicy =
  | { readonly ok: true; readonly policy: PolicyV1 }
  | { readonly ok: false; readonly faults: readonly PolicyFault[] }

const maxFaults = 500

type Report = (code: string, path: string, data?: PolicyFault['data']) => void

function checkGlobs(patterns: readonly string[], path: string, report: Report): void {
  for (const [index, pattern] of patterns.entries()) {
    const fault = globFault(pattern)
    if (fault !== null) report(fault, pointer(path, index))
  }
}

function checkRules(rules: readonly ClassificationRule[], path: string, policy: PolicyV1, report: Report): void {
  for (const [index, rule] of rules.entries()) {
    const at = pointer(path, index)
    if (!Object.hasOwn(policy.tiers, rule.tier)) report('unknown-tier', `${at}/tier`, { tier: rule.tier })
    checkGlobs(rule.patterns, `${at}/patterns`, report)
    checkGlobs(rule.excludes, `${at}/excludes`, report)
  }
}

function checkRepository(repository: RepositoryPolicy, path: string, policy: PolicyV1, report: Report): void {
  if (!Object.hasOwn(policy.layers, repository.layer)) {
    report('unknown-layer', `${path}/layer`, { layer: repository.layer })
  }
  for (const [index, tier] of repository.tiers.entries()) {
    if (!Object.hasOwn(policy.tiers, tier)) report('unknown-tier', pointer(`${path}/tiers`, index), { tier })
  }
  checkGlobs(repository.consensusPaths, `${path}/consensusPaths`, report)
  for (const [index, rule] of repository.conditionRules.entries()) {
    checkGlobs(rule.patterns, `${pointer(`${path}/conditionRules`, index)}/patterns`, report)
  }
  checkRules(repository.classification, `${path}/classification`, policy, report)
}

function checkReferences(policy: PolicyV1, report: Report): void {
  for (const [id, layer] of Object.entries(policy.layers)) {
    for (const [index, { set }] of layer.quorums.entries()) {
      const at = pointer(`${pointer('/layers', id)}/quorums`, index)
      if (!Object.hasOwn(policy.sets, set)) report('unknown-set', `${at}/set`, { set })
      if (layer.quorums.findIndex((other) => other.set === set) !== index) report('repeated-set', `${at}/set`, { set })
    }
  }
  for (const [id, { set }] of Object.entries(policy.tiers)) {
    if (set !== null && !Object.hasOwn(policy.sets, set)) {
      report('unknown-set', `${pointer('/tiers', id)}/set`, { set })
    }
  }
  for (const [name, repository] of Object.entries(policy.repositories)) {
    checkRepository(repository, pointer('/repositories', name), policy, report)
  }
  checkRules(policy.classification.rules, '/classification/rules', policy, report)
  const { tier } = policy.classification.fallback
  if (!Object.hasOwn(policy.tiers, tier)) report('unknown-tier', '/classification/fallback/tier', { tier })
  // Tier 4 is given by neither path nor word, so a fallback to it would be one.
  else if (tier === '4') report('fallback-is-emergency-tier', '/classification/fallback/tier', { tier })
  const own = Object.hasOwn(policy.repositories, policy.governanceRepository)
  const governance = own ? policy.repositories[policy.governanceRepository] : undefined
  if (governance === undefined) report('unknown-repository', '/governanceRepository')
  else if (governance.layer !== '0') report('governance-not-layer-0', '/governanceRepository')
  for (const [name, { layer }] of Object.entries(policy.repositories)) {
    if (layer === '0' && name !== policy.governanceRepository) {
      report('layer-0-repository', `${pointer('/repositories', name)}/layer`)
    }
  }
  for (const [index, { set }] of policy.registry.entries()) {
    if (!Object.hasOwn(policy.sets, set)) report('unknown-set', `${pointer('/registry', index)}/set`, { set })
  }
}

/**
 * Decides whether a JSON value is a `policy-v1`: its shape, every pattern, and every reference between its parts.
 *
 * Trust: the value is an attacker's. Nothing is filled in: a missing or unknown part is a fault, never a default.
 * Checks: shape with unknown keys refused, glob dialect, layers, tiers, sets and repositories that are referred to.
 * Does not check: keys, reachability of quorums and other matters that `lintPolicy` reports.
 */
export function checkPolicy(json: unknown): CheckedPolicy {
  const shapeFaults: ShapeFault[] = []
  policySchema.check(json, '', shapeFaults)
  if (shapeFaults.length > 0) return { ok: false, faults: shapeFaults.slice(0, maxFaults) }
  const policy = json as PolicyV1
  const faults: PolicyFault[] = []
  checkReferences(policy, (code, path, data = {}) => {
    if (faults.length < maxFaults) faults.push({ code, path, data })
  })
  return faults.length > 0 ? { ok: false, faults } : { ok: true, policy }
}
