import { compiledRepository, emergencyActionTier } from './compiled-policy.ts'
import { ownMember } from './own-member.ts'
import type { ConditionId, LayerId, PolicyV1, TextMatch, TierId } from './policy-v1.ts'
import type { Classification, Ground } from './verdict.ts'

/** What `classify` looks at. `files` may be any values with both names of each change. */
export interface ClassifyInput {
  readonly policy: PolicyV1
  /** Full name, `owner/name`. */
  readonly repository: string
  readonly files: readonly { readonly oldPath: string | null; readonly newPath: string | null }[]
  readonly textMatches: readonly TextMatch[]
  /** Tiers that a signed statement in force adds. */
  readonly addedTiers: readonly TierId[]
  /** Tiers that a signed statement of the whole quorum removes, whatever gave them. */
  readonly removedTiers: readonly TierId[]
}

/** A classification, or the one thing that the policy does not know. */
export type Classified =
  | { readonly ok: true; readonly classification: Classification }
  | {
      readonly ok: false
      readonly code: 'unknown-repository' | 'unknown-layer' | 'unknown-tier'
      readonly data: Readonly<Record<string, string>>
    }

/** Paths that one explanation lists for one tier, condition or the consensus flag; the rest are counted. */
export const maxListedPaths = 10

/** Collects grounds: all that name no path, the first paths, and how many paths were left out. */
class Grounds {
  private readonly plain = new Map<string, Ground>()
  private readonly paths: Ground[] = []
  private left = 0

  addRule(rule: string): void {
    if (!this.plain.has(rule)) this.plain.set(rule, { rule, path: null })
  }

  addPath(path: string, rule: () => string): void {
    if (this.paths.length < maxListedPaths) this.paths.push({ rule: rule(), path })
    else this.left++
  }

  list(): Ground[] {
    const rest: Ground[] = this.left > 0 ? [{ rule: 'path', path: null, more: this.left }] : []
    return [...this.plain.values(), ...this.paths, ...rest]
  }
}

class GroundsByName<T extends string> {
  private readonly byName = new Map<T, Grounds>()

  of(name: T): Grounds {
    let grounds = this.byName.get(name)
    if (grounds === undefined) {
      grounds = new Grounds()
      this.byName.set(name, grounds)
    }
    return grounds
  }

  delete(name: T): void {
    this.byName.delete(name)
  }

  sorted(): { readonly name: T; readonly because: Ground[] }[] {
    return [...this.byName]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, grounds]) => ({ name, because: grounds.list() }))
  }
}

/** Every path of the change once, old and new names alike, sorted so that the explanation does not depend on order. */
function pathsOf(files: ClassifyInput['files']): readonly string[] {
  const paths: string[] = []
  let isSorted = true
  const add = (path: string): void => {
    const last = paths.at(-1)
    if (path === last) return
    if (last !== undefined && path < last) isSorted = false
    paths.push(path)
  }
  for (const { oldPath, newPath } of files) {
    if (oldPath !== null) add(oldPath)
    if (newPath !== null) add(newPath)
  }
  // Collected files come sorted, with one name each; only other lists have to be put in order.
  return isSorted ? paths : [...new Set(paths)].sort()
}

/**
 * Decides which tiers a change carries, whether it touches consensus paths, and which conditions its files add; and says
 * why: every tier with its rule and paths.
 *
 * Each path is judged by itself, both names of a rename. An exclude cancels its own rule for that path only. A path that
 * no rule matches (tier 4's never count) carries the fallback tier and, where the policy says so, manual review. Words,
 * the repository's own tiers and signed additions only add.
 * Trust: paths and text matches come from whoever wrote the change.
 * Errs: a repository, layer or tier that the policy does not know is an error, never a default (T07, T30).
 */
export function classify(input: ClassifyInput): Classified {
  const { policy } = input
  const repository = ownMember(policy.repositories, input.repository)
  if (repository === undefined) {
    return { ok: false, code: 'unknown-repository', data: { repository: input.repository } }
  }
  const layer: LayerId = repository.layer
  if (ownMember(policy.layers, layer) === undefined) return { ok: false, code: 'unknown-layer', data: { layer } }
  const textMatches = input.textMatches.filter((match) => match.tier !== emergencyActionTier)
  const { fallback } = policy.classification
  const named = [...repository.tiers, ...input.addedTiers, ...input.removedTiers, ...textMatches.map((m) => m.tier)]
  for (const tier of [...named, fallback.tier]) {
    if (ownMember(policy.tiers, tier) === undefined) return { ok: false, code: 'unknown-tier', data: { tier } }
  }

  const isGovernance = input.repository === policy.governanceRepository
  const compiled = compiledRepository(policy, input.repository)
  const tiers = new GroundsByName<TierId>()
  const conditions = new GroundsByName<ConditionId>()
  const consensus = new Grounds()

  for (const tier of repository.tiers) tiers.of(tier).addRule('repository')
  for (const tier of input.addedTiers) tiers.of(tier).addRule('statement')
  for (const match of textMatches) tiers.of(match.tier).addRule(match.rule)
  for (const { rule } of compiled.conditionRules) {
    if (rule.patterns.length === 0) conditions.of(rule.condition).addRule(rule.id)
  }
  for (const path of pathsOf(input.files)) {
    let isMatched = false
    for (const rule of compiled.rules) {
      if (!rule.patterns.matches(path) || rule.excludes.matches(path)) continue
      isMatched = true
      tiers.of(rule.tier).addPath(path, () => `path:${rule.patterns.which(path)}`)
    }
    if (!isMatched && !isGovernance) {
      tiers.of(fallback.tier).addPath(path, () => 'fallback')
      if (fallback.manualReview) conditions.of('manual-review').addPath(path, () => 'fallback')
    }
    if (compiled.consensus.matches(path)) {
      consensus.addPath(path, () => `path:${compiled.consensus.which(path)}`)
    }
    for (const { rule, patterns } of compiled.conditionRules) {
      if (patterns.matches(path)) conditions.of(rule.condition).addPath(path, () => rule.id)
    }
  }
  const consensusBecause = consensus.list()
  if (consensusBecause.length > 0) {
    for (const condition of repository.consensusConditions) conditions.of(condition).addRule('consensus')
  }
  for (const tier of input.removedTiers) tiers.delete(tier)

  return {
    ok: true,
    classification: {
      layer,
      tiers: tiers.sorted().map(({ name, because }) => ({ tier: name, because })),
      consensus: consensusBecause.length > 0,
      consensusBecause,
      conditions: conditions.sorted().map(({ name, because }) => ({ condition: name, because })),
    },
  }
}
