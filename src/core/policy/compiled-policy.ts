import { type CompiledGlobs, compileGlobs } from './globs.ts'
import { ownMember } from './own-member.ts'
import type { ClassificationRule, ConditionRule, PolicyV1, TierId } from './policy-v1.ts'

/** The tier of emergency actions: its own signed object shortens a review, never a path, a word or a title. */
export const emergencyActionTier: TierId = '4'

/** A classification rule ready to be applied to paths. */
export interface CompiledRule {
  readonly tier: TierId
  readonly patterns: CompiledGlobs
  readonly excludes: CompiledGlobs
}

/** What `classify` needs of one repository, compiled once. */
export interface CompiledRepository {
  readonly rules: readonly CompiledRule[]
  readonly consensus: CompiledGlobs
  readonly conditionRules: readonly { readonly rule: ConditionRule; readonly patterns: CompiledGlobs }[]
}

const compiledPolicies = new WeakMap<PolicyV1, Map<string, CompiledRepository>>()

/**
 * The classification rules that hold in a repository: the policy's and its own, without those of tier 4.
 *
 * The governance repository's requirement is layer 0 alone unless its own entry says otherwise, so only its own rules
 * hold there.
 */
export function rulesOf(policy: PolicyV1, repository: string): readonly ClassificationRule[] {
  const own = ownMember(policy.repositories, repository)?.classification ?? []
  const rules = repository === policy.governanceRepository ? own : [...policy.classification.rules, ...own]
  return rules.filter((rule) => rule.tier !== emergencyActionTier)
}

/** Compiles a known repository's patterns, one expression per rule, and remembers them as long as the policy lives. */
export function compiledRepository(policy: PolicyV1, repository: string): CompiledRepository {
  let compiled = compiledPolicies.get(policy)
  if (compiled === undefined) {
    compiled = new Map()
    compiledPolicies.set(policy, compiled)
  }
  const known = compiled.get(repository)
  if (known !== undefined) return known
  const entry = ownMember(policy.repositories, repository)
  const fresh: CompiledRepository = {
    rules: rulesOf(policy, repository).map((rule) => ({
      tier: rule.tier,
      patterns: compileGlobs(rule.patterns),
      excludes: compileGlobs(rule.excludes),
    })),
    consensus: compileGlobs(entry?.consensusPaths ?? []),
    conditionRules: (entry?.conditionRules ?? []).map((rule) => ({ rule, patterns: compileGlobs(rule.patterns) })),
  }
  compiled.set(repository, fresh)
  return fresh
}
