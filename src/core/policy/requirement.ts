import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { sha256Hex } from '../crypto/sha256.ts'
import type { AccountId, Sha256 } from '../ids.ts'
import { ownMember } from './own-member.ts'
import type {
  ConditionId,
  Layer,
  LayerId,
  PolicyV1,
  Quorum,
  RequiredCheck,
  Requirement,
  SetId,
  Tier,
  TierId,
} from './policy-v1.ts'
import type { Classification } from './verdict.ts'

/** What the policy does not know; never answered with a default. */
export interface RequirementError {
  readonly ok: false
  readonly code: 'unknown-repository' | 'unknown-layer' | 'unknown-tier'
  readonly data: Readonly<Record<string, string>>
}

/** The combined requirement, or why there is none. */
export type RequirementResult = { readonly ok: true; readonly requirement: Requirement } | RequirementError

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const uniqueSorted = <T extends string>(values: readonly T[]): T[] => [...new Set(values)].sort(byText)

function sortedChecks(checks: readonly RequiredCheck[]): RequiredCheck[] {
  const keyOf = (check: RequiredCheck): string => `${check.name}\n${check.appId}\n${check.workflow ?? ''}`
  const byKey = new Map(checks.map((check) => [keyOf(check), check]))
  return [...byKey].sort(([a], [b]) => byText(a, b)).map(([, check]) => check)
}

/**
 * The component-wise maximum of a layer's quorums and its tiers', one per set, sorted by set.
 *
 * A tier without its own set counts over the layer's first set; one with its own set stands beside the layer's, so that a
 * 6-of-7 and a 5-of-5 over other people are both kept whole.
 */
export function combineQuorums(layer: Layer, tiers: readonly Tier[]): readonly Quorum[] {
  const primary: SetId = layer.quorums[0]?.set ?? ''
  const bySet = new Map<SetId, Quorum>()
  const raise = ({ set, required, total }: Quorum): void => {
    const known = bySet.get(set)
    bySet.set(set, {
      set,
      required: Math.max(required, known?.required ?? 0),
      total: Math.max(total, known?.total ?? 0),
    })
  }
  for (const quorum of layer.quorums) raise(quorum)
  for (const tier of tiers) raise({ set: tier.set ?? primary, required: tier.required, total: tier.total })
  return [...bySet.values()].sort((a, b) => byText(a.set, b.set))
}

function combineDays(layer: Layer, tiers: readonly Tier[], consensus: boolean): number {
  const own = consensus ? Math.max(layer.reviewDays, layer.consensusReviewDays ?? 0) : layer.reviewDays
  return Math.max(own, ...tiers.map((tier) => tier.reviewDays))
}

interface Parts {
  readonly layer: Layer
  readonly tiers: readonly Tier[]
}

function partsOf(policy: PolicyV1, layerId: LayerId, tierIds: readonly TierId[]): Parts | RequirementError {
  const layer = ownMember(policy.layers, layerId)
  if (layer === undefined) return { ok: false, code: 'unknown-layer', data: { layer: layerId } }
  const tiers: Tier[] = []
  for (const id of tierIds) {
    const tier = ownMember(policy.tiers, id)
    if (tier === undefined) return { ok: false, code: 'unknown-tier', data: { tier: id } }
    tiers.push(tier)
  }
  return { layer, tiers }
}

/** What `requirementOf` looks at. `personsOf` names the accounts that a set holds now, from the keyring. */
export interface RequirementInput {
  readonly policy: PolicyV1
  readonly classification: Classification
  /** Full name, `owner/name`. */
  readonly repository: string
  readonly personsOf: (set: SetId) => readonly AccountId[]
}

/**
 * Combines layer, tiers and the repository's own rules into what a change must meet: the component-wise maximum of
 * signatures and days, every condition and every check. Nothing in it is ever lowered, a quorum that nobody can reach
 * included.
 *
 * Errs: towards the stricter requirement; what the policy does not know is an error.
 */
export function requirementOf(input: RequirementInput): RequirementResult {
  const { policy, classification } = input
  const repository = ownMember(policy.repositories, input.repository)
  if (repository === undefined) {
    return { ok: false, code: 'unknown-repository', data: { repository: input.repository } }
  }
  const parts = partsOf(
    policy,
    classification.layer,
    classification.tiers.map(({ tier }) => tier),
  )
  if ('ok' in parts) return parts
  const { layer, tiers } = parts
  const conditions: readonly ConditionId[] = [
    ...layer.conditions,
    ...tiers.flatMap((tier) => tier.conditions),
    ...classification.conditions.map(({ condition }) => condition),
  ]
  return {
    ok: true,
    requirement: {
      quorums: combineQuorums(layer, tiers).map((quorum) => ({
        ...quorum,
        persons: [...new Set(input.personsOf(quorum.set))].sort((a, b) => a - b),
      })),
      reviewDays: combineDays(layer, tiers, classification.consensus),
      publicCommentDays: layer.publicCommentDays,
      conditions: uniqueSorted(conditions),
      checks: sortedChecks(repository.requiredChecks),
    },
  }
}

/** One cell of the table of layers and tiers, as `policy requirement` shows it. `total` is display, not rule. */
export interface Cell {
  readonly layer: LayerId
  /** Null: the layer alone. */
  readonly tier: TierId | null
  readonly required: number
  readonly total: number
  readonly reviewDays: number
  readonly conditions: readonly ConditionId[]
}

/** A cell with its quorums, one per signer set. */
export type CellResult =
  | { readonly ok: true; readonly cell: Cell; readonly quorums: readonly Quorum[] }
  | RequirementError

/**
 * Computes one cell: max(required) / max(total) and max(days) of one layer and one tier (or the layer alone).
 * `required` and `total` are those of the layer's own set; further sets (layer 0, tiers with their own) are in `quorums`.
 */
export function cell(
  policy: PolicyV1,
  layerId: LayerId,
  tierId: TierId | null,
  options: { readonly consensus?: boolean } = {},
): CellResult {
  const parts = partsOf(policy, layerId, tierId === null ? [] : [tierId])
  if ('ok' in parts) return parts
  const { layer, tiers } = parts
  const quorums = combineQuorums(layer, tiers)
  const own = quorums.find((quorum) => quorum.set === layer.quorums[0]?.set)
  return {
    ok: true,
    quorums,
    cell: {
      layer: layerId,
      tier: tierId,
      required: own?.required ?? 0,
      total: own?.total ?? 0,
      reviewDays: combineDays(layer, tiers, options.consensus ?? false),
      conditions: uniqueSorted([...layer.conditions, ...tiers.flatMap((tier) => tier.conditions)]),
    },
  }
}

/** A requirement in its one canonical order, so that equal requirements have equal digests. */
export function normalizeRequirement(requirement: Requirement): Requirement {
  return {
    quorums: requirement.quorums
      .map(({ set, required, total, persons }) => ({
        set,
        required,
        total,
        persons: [...new Set(persons)].sort((a, b) => a - b),
      }))
      .sort((a, b) => byText(a.set, b.set)),
    reviewDays: requirement.reviewDays,
    publicCommentDays: requirement.publicCommentDays,
    conditions: uniqueSorted(requirement.conditions),
    checks: sortedChecks(requirement.checks.map(({ name, appId, workflow }) => ({ name, appId, workflow }))),
  }
}

/** Names a requirement: SHA-256 of its canonical JSON in canonical order. This is what an approval signs. */
export const requirementDigest = (requirement: Requirement): Sha256 =>
  sha256Hex(canonicalBytes(normalizeRequirement(requirement) as unknown as Json))

const policyDigests = new WeakMap<PolicyV1, Sha256>()

/** Names a version of the policy: SHA-256 of its canonical JSON. Policies are never changed in place. */
export function policyDigest(policy: PolicyV1): Sha256 {
  const known = policyDigests.get(policy)
  if (known !== undefined) return known
  const digest = sha256Hex(canonicalBytes(policy as unknown as Json))
  policyDigests.set(policy, digest)
  return digest
}
