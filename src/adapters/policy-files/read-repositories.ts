import type { ConditionId, ConditionRule, RepositoryPolicy, RequiredCheck } from '../../core/index.ts'
import { conditionOfRuleKind, conditionsOf, readConditions } from './conditions.ts'
import { fault, mark, note, type Reading } from './faults.ts'
import {
  asBoolean,
  asInteger,
  asMap,
  asText,
  booleanAt,
  listAt,
  optional,
  optionalMap,
  refuseUnknownKeys,
  reportUnknownKeys,
  required,
  textAt,
  textsAt,
} from './fields.ts'
import { readVerification, type StatedLayer } from './read-layers.ts'
import { readActionTier } from './read-tiers.ts'
import type { Position, SourceMap, SourceNode } from './source-node.ts'
import { readThreshold, thresholdText } from './thresholds.ts'

const repositoryKeys = [
  'layer',
  'governance_level',
  'signature_threshold',
  'review_period_days',
  'synchronized_with',
  'dependencies',
  'verification',
  'paths',
  'cross_layer_rules',
  'consensus_rule_changes',
  'action_tier',
  'auto_classification',
  'validation_requirements',
  'required_checks',
  'description',
  'notes',
]

/** A condition rule for another repository, which a rule here holds for as well. */
export interface ForeignRule {
  readonly repository: string
  readonly rule: ConditionRule
  readonly at: Position
}

/** One repository's part of the policy, and the rules that it adds to others. */
export interface StatedRepository {
  readonly policy: RepositoryPolicy
  readonly foreign: readonly ForeignRule[]
}

/** A repository without a file of its own. */
export const bareRepository = (layer: string): RepositoryPolicy => ({
  layer,
  tiers: [],
  consensusPaths: [],
  conditionRules: [],
  requiredChecks: [],
  classification: [],
  consensusConditions: [],
})

function contradicts(
  reading: Reading,
  node: SourceNode,
  said: string,
  layer: StatedLayer,
  at: Position,
  is: string,
): void {
  const message = `${said} here, but layer ${layer.id} has ${is} at ${at.file} line ${at.line}`
  fault(reading, 'contradicts-layer', node.at, message, 'Make both files say the same.')
}

function compareThreshold(reading: Reading, node: SourceNode | undefined, layer: StatedLayer): void {
  if (node === undefined) return
  const parts = readThreshold(reading, node)
  const said = thresholdText(parts)
  // The total is display, but two files that state different totals are two stories all the same.
  const is = thresholdText(layer.layer.quorums)
  if (parts.length > 0 && said !== is) contradicts(reading, node, said, layer, layer.thresholdAt, is)
}

function compareDays(
  reading: Reading,
  node: SourceNode | undefined,
  layer: StatedLayer,
  kind: 'review' | 'consensus',
): void {
  if (node === undefined) return
  const said = asInteger(reading, node, 0, 3650)
  const is = kind === 'review' ? layer.layer.reviewDays : layer.layer.consensusReviewDays
  const at = kind === 'review' ? layer.reviewAt : layer.consensusAt
  const text = is === null ? 'no consensus_review_period_days' : `${is} days`
  if (said !== is) contradicts(reading, node, `${said} days`, layer, at, text)
}

/** `requires_6_of_7` and `requires_365_days` beside the consensus paths repeat what the layer says. */
function comparePathClaims(reading: Reading, paths: SourceMap, layer: StatedLayer): void {
  for (const [key, { value }] of paths.entries) {
    const threshold = /^requires_(\d+)_of_(\d+)$/.exec(key)
    const days = /^requires_(\d+)_days$/.exec(key)
    if (threshold === null && days === null) continue
    if (!asBoolean(reading, value)) continue
    if (threshold !== null) {
      const said = `${threshold[1]}-of-${threshold[2]}`
      const is = thresholdText(layer.layer.quorums)
      if (said !== is) contradicts(reading, value, said, layer, layer.thresholdAt, is)
    } else if (Number(days?.[1]) !== layer.layer.consensusReviewDays) {
      const is = `${layer.layer.consensusReviewDays ?? 'no'} consensus review days`
      contradicts(reading, value, `${days?.[1]} days`, layer, layer.consensusAt, is)
    }
  }
}

/** Reads `required_checks`: name, App and, optionally, the workflow that must produce the run. */
export function readRequiredChecks(reading: Reading, map: SourceMap, path: string): readonly RequiredCheck[] {
  return listAt(reading, map, 'required_checks').map((item, index) => {
    const check = asMap(reading, item)
    refuseUnknownKeys(reading, check, ['name', 'app_id', 'workflow'])
    const appNode = required(reading, check, 'app_id')
    const workflow = optional(check, 'workflow')
    mark(reading, `${path}/requiredChecks/${index}`, check.at)
    return {
      name: textAt(reading, check, 'name'),
      appId: appNode === undefined ? 1 : asInteger(reading, appNode, 1, Number.MAX_SAFE_INTEGER),
      workflow: workflow === undefined ? null : asText(reading, workflow),
    }
  })
}

function readOwnRules(
  reading: Reading,
  map: SourceMap,
  name: string,
): { own: ConditionRule[]; foreign: ForeignRule[] } {
  const own: ConditionRule[] = []
  const foreign: ForeignRule[] = []
  for (const item of listAt(reading, map, 'cross_layer_rules')) {
    const rule = asMap(reading, item)
    reportUnknownKeys(reading, rule, [
      'name',
      'description',
      'if_changed',
      'then_require_update',
      'then_require_verification',
      'validation',
      'bidirectional',
      'blocking',
      'error_message',
    ])
    readConditions(reading, rule)
    const kindNode = required(reading, rule, 'validation')
    if (kindNode === undefined) continue
    const kind = asText(reading, kindNode)
    const condition = conditionOfRuleKind(reading, kind, kindNode.at)
    const pattern = textAt(reading, rule, 'if_changed')
    const target = optional(rule, 'then_require_update')
    const targetText = target === undefined ? '' : asText(reading, target)
    booleanAt(reading, rule, 'then_require_verification')
    if (isNotBlocking(reading, rule)) continue
    const id = `${kind}:${pattern}`
    const description = targetText === '' ? kind : `${kind} in ${targetText}`
    mark(reading, `/repositories/${name.replace('/', '~1')}/conditionRules/${own.length}`, rule.at)
    own.push({ id, condition, patterns: [pattern], description })
    if (booleanAt(reading, rule, 'bidirectional') !== true) continue
    const slash = targetText.indexOf('/')
    if (slash <= 0) {
      const remedy = 'Write then_require_update: <repository>/<pattern>.'
      fault(reading, 'bad-target', target?.at ?? rule.at, 'a rule in both directions needs its other side', remedy)
      continue
    }
    const otherPattern = targetText.slice(slash + 1)
    foreign.push({
      repository: targetText.slice(0, slash),
      rule: { id: `${kind}:${otherPattern}`, condition, patterns: [otherPattern], description: `${kind} in ${name}` },
      at: target?.at ?? rule.at,
    })
  }
  return { own, foreign }
}

/** Says, and notes, that a rule is declared not to block; such a rule asks for nothing. */
export function isNotBlocking(reading: Reading, rule: SourceMap): boolean {
  if (booleanAt(reading, rule, 'blocking') !== false) return false
  const at = rule.entries.get('blocking')?.keyAt ?? rule.at
  note(
    reading,
    'rule-not-blocking',
    'info',
    at,
    'blocking: false; the rule asks for nothing',
    'Remove it, or let it block.',
  )
  return true
}

function readValidationRequirements(reading: Reading, map: SourceMap): readonly ConditionRule[] {
  const rules: ConditionRule[] = []
  for (const item of listAt(reading, map, 'validation_requirements')) {
    for (const [kind, { keyAt, value }] of asMap(reading, item).entries) {
      const condition = conditionOfRuleKind(reading, kind, keyAt)
      if (asBoolean(reading, value)) rules.push({ id: kind, condition, patterns: [], description: '' })
    }
  }
  return rules
}

function readConsensus(
  reading: Reading,
  map: SourceMap,
  layer: StatedLayer,
  path: string,
): Pick<RepositoryPolicy, 'consensusPaths' | 'consensusConditions'> {
  const places: Position[] = []
  const take = (part: SourceMap, key: string): readonly string[] => {
    places.push(...listAt(reading, part, key).map((item) => item.at))
    return textsAt(reading, part, key)
  }
  const consensusPaths: string[] = []
  let consensusConditions: readonly ConditionId[] = []
  const paths = optionalMap(reading, map, 'paths')
  if (paths !== undefined) {
    reportUnknownKeys(reading, paths, ['consensus_critical'])
    readConditions(reading, paths, /^requires_(?:\d+_of_\d+|\d+_days)$/)
    comparePathClaims(reading, paths, layer)
    consensusPaths.push(...take(paths, 'consensus_critical'))
  }
  const changes = optionalMap(reading, map, 'consensus_rule_changes')
  if (changes !== undefined) {
    reportUnknownKeys(reading, changes, ['detection', 'repository_requirements', 'user_activation'])
    const detection = optionalMap(reading, changes, 'detection')
    if (detection !== undefined) consensusPaths.push(...take(detection, 'patterns'))
    const needs = optionalMap(reading, changes, 'repository_requirements')
    if (needs !== undefined) {
      reportUnknownKeys(reading, needs, ['maintainer_threshold', 'review_period_days'])
      compareThreshold(reading, optional(needs, 'maintainer_threshold'), layer)
      compareDays(reading, optional(needs, 'review_period_days'), layer, 'consensus')
      consensusConditions = conditionsOf(readConditions(reading, needs))
    }
  }
  for (const [index, at] of places.entries()) mark(reading, `${path}/consensusPaths/${index}`, at)
  return { consensusPaths, consensusConditions }
}

/**
 * Reads `config/repos/<name>.yml`, or the same parts of `.governance.yml`, against the layer that the repository is in.
 * What contradicts the layer is a fault that names both lines.
 */
export function readRepository(reading: Reading, name: string, root: SourceMap, layer: StatedLayer): StatedRepository {
  reportUnknownKeys(reading, root, repositoryKeys)
  const path = `/repositories/${name.replace('/', '~1')}`
  mark(reading, path, root.at)
  const layerNode = optional(root, 'layer')
  if (layerNode !== undefined) {
    mark(reading, `${path}/layer`, layerNode.at)
    const said = asText(reading, layerNode)
    if (said !== layer.id)
      contradicts(reading, layerNode, `layer ${said.slice(0, 20)}`, layer, layer.at, 'this repository')
  }
  compareThreshold(reading, optional(root, 'signature_threshold'), layer)
  compareDays(reading, optional(root, 'review_period_days'), layer, 'review')
  const { own, foreign } = readOwnRules(reading, root, name)
  own.push(...readValidationRequirements(reading, root))
  for (const { condition, key } of readConditions(reading, root)) {
    own.push({ id: key, condition, patterns: [], description: '' })
  }
  if (readVerification(reading, root) !== null) {
    own.push({ id: 'verification', condition: 'verification', patterns: [], description: '' })
  }
  return {
    foreign,
    policy: {
      layer: layer.id,
      ...readActionTier(reading, root, path),
      ...readConsensus(reading, root, layer, path),
      conditionRules: own,
      requiredChecks: readRequiredChecks(reading, root, path),
    },
  }
}
