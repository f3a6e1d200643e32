import type { ConditionId } from '../../core/index.ts'
import { fault, type Reading } from './faults.ts'
import { asBoolean } from './fields.ts'
import type { Position, SourceMap } from './source-node.ts'

/** What follows `require_` or `requires_` in the files, and the condition it asks for. */
const conditionByWord: ReadonlyMap<string, ConditionId> = new Map([
  ['specification', 'specification'],
  ['bip_specification', 'specification'],
  ['audit', 'audit'],
  ['security_audit', 'audit'],
  ['equivalence_proof', 'equivalence-proof'],
  ['formal_verification', 'formal-verification'],
  ['cryptography_expert', 'cryptographer'],
  ['cryptographer', 'cryptographer'],
  ['security_review', 'security-review'],
  ['manual_review', 'manual-review'],
  ['public_comment', 'public-comment'],
  ['rationale', 'rationale'],
  ['post_mortem', 'post-mortem'],
  ['test_vectors', 'test-vectors'],
  ['verification', 'verification'],
])

/** The field `validation` of a cross-layer rule, and the condition that its kind stands for. Met by statement only. */
const conditionByRuleKind: ReadonlyMap<string, ConditionId> = new Map([
  ['corresponding_file_exists', 'cross-layer-sync'],
  ['corresponding_rule_exists', 'cross-layer-sync'],
  ['references_latest_version', 'cross-layer-reference'],
  ['no_consensus_modifications', 'no-consensus-modifications'],
  ['must_import_as_dependency', 'dependency-import'],
  ['equivalence_proof_exists', 'equivalence-proof'],
  ['spec_lock_verified', 'verification'],
])

/** One condition that a mapping asks for by a key. */
export interface StatedCondition {
  readonly condition: ConditionId
  readonly key: string
  readonly at: Position
}

/**
 * Reads every `require_…` and `requires_…` key of a mapping. A key that is not in the closed list is a fault, never
 * skipped; `alsoKnown` names keys of that form that the caller reads itself.
 */
export function readConditions(reading: Reading, map: SourceMap, alsoKnown?: RegExp): readonly StatedCondition[] {
  const found: StatedCondition[] = []
  for (const [key, { keyAt, value }] of map.entries) {
    const word = /^requires?_(.+)$/.exec(key)?.[1]
    if (word === undefined || alsoKnown?.test(key) === true) continue
    const condition = conditionByWord.get(word)
    if (condition === undefined) {
      const remedy = `Use one of ${[...conditionByWord.keys()].join(', ')} after requires_.`
      fault(reading, 'unknown-condition', keyAt, `no condition is called ${key}`, remedy)
    } else if (asBoolean(reading, value)) found.push({ condition, key, at: keyAt })
  }
  return found
}

/** The condition that a rule's kind stands for; an unknown kind is a fault. */
export function conditionOfRuleKind(reading: Reading, kind: string, at: Position): ConditionId {
  const condition = conditionByRuleKind.get(kind)
  if (condition !== undefined) return condition
  const remedy = `Use one of ${[...conditionByRuleKind.keys()].join(', ')}.`
  fault(reading, 'unknown-rule-kind', at, `no rule kind is called ${kind}`, remedy)
  return 'manual-review'
}

/** The conditions alone, each once. */
export const conditionsOf = (stated: readonly StatedCondition[]): ConditionId[] => [
  ...new Set(stated.map(({ condition }) => condition)),
]
