import type { ClassificationRule, ConditionId, Tier, TierId } from '../../core/index.ts'
import { conditionsOf, readConditions } from './conditions.ts'
import { fault, mark, note, type Reading } from './faults.ts'
import {
  asMap,
  asText,
  booleanAt,
  daysAt,
  mapAt,
  optional,
  optionalMap,
  reportUnknownKeys,
  required,
  textAt,
  textsAt,
} from './fields.ts'
import type { SourceMap } from './source-node.ts'
import { singleThreshold, thresholdAt } from './thresholds.ts'

const tierKeys = [
  'name',
  'description',
  'signatures',
  'signature_threshold',
  'review_period_days',
  'emergency_override',
  'additional_requirements',
  'examples',
  'notes',
]

const ruleKeys = [
  'name',
  'description',
  'confidence_threshold',
  'file_patterns',
  'exclude_patterns',
  'keywords',
  'title_markers',
  'examples',
  'notes',
]

/** Markers that put a change into a tier where the rules file states none of its own. */
const defaultMarkers: Readonly<Record<string, readonly string[]>> = {
  3: ['[CONSENSUS-ADJACENT]'],
  5: ['[GOVERNANCE]'],
}

/** The tier that a key or value names: `tier_3_consensus_adjacent` and `3` are `3`, `security_critical` is itself. */
function tierIdOf(word: string): TierId | null {
  const numbered = /^(?:tier_)?([1-9])(?:_[a-z0-9_]+)?$/.exec(word)?.[1]
  if (numbered !== undefined) return numbered
  return /^[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*$/.test(word) ? word.replaceAll('_', '-') : null
}

function readTier(reading: Reading, id: TierId, map: SourceMap): Tier {
  reportUnknownKeys(reading, map, tierKeys)
  const path = `/tiers/${id}`
  const name = textAt(reading, map, 'name')
  const threshold = singleThreshold(reading, thresholdAt(reading, map), map.at)
  const reviewDays = daysAt(reading, map, 'review_period_days')
  booleanAt(reading, map, 'emergency_override')
  const prose = map.entries.get('additional_requirements')
  if (prose !== undefined) {
    const remedy = 'Ask for them by requires_… keys where the product should decide them.'
    note(reading, 'prose-requirements', 'info', prose.keyAt, 'these requirements are prose and decide nothing', remedy)
  }
  mark(reading, path, map.at)
  mark(reading, `${path}/required`, threshold.at)
  mark(reading, `${path}/total`, threshold.at)
  mark(reading, `${path}/set`, threshold.at)
  const reviewNode = optional(map, 'review_period_days')
  if (reviewNode !== undefined) mark(reading, `${path}/reviewDays`, reviewNode.at)
  return {
    name,
    required: threshold.required,
    total: threshold.total,
    set: threshold.set,
    reviewDays,
    conditions: conditionsOf(readConditions(reading, map)),
  }
}

/** Reads the tiers of `config/action-tiers.yml`. */
export function readTiers(reading: Reading, root: SourceMap): Map<TierId, Tier> {
  reportUnknownKeys(reading, root, ['tiers', 'emergency_tiers'])
  const tiers = new Map<TierId, Tier>()
  for (const [key, { keyAt, value }] of mapAt(reading, root, 'tiers').entries) {
    const id = tierIdOf(key)
    if (id === null || tiers.has(id)) {
      const message = id === null ? `${key} is no tier` : `tier ${id} stands here again`
      fault(
        reading,
        id === null ? 'unknown-tier' : 'tier-stated-twice',
        keyAt,
        message,
        'Name it tier_<1-9>_<word>, once.',
      )
      continue
    }
    tiers.set(id, readTier(reading, id, asMap(reading, value)))
  }
  return tiers
}

/** What `tier-classification-rules.yml` says; `conditions` are to be united with those of the tiers. */
export interface StatedClassification {
  readonly rules: readonly ClassificationRule[]
  readonly fallback: { readonly tier: TierId; readonly manualReview: boolean }
  readonly conditions: ReadonlyMap<TierId, readonly ConditionId[]>
}

function noteConfidence(reading: Reading, map: SourceMap, key: string): void {
  const entry = map.entries.get(key)
  if (entry === undefined) return
  const remedy = 'Classification is by pattern, word and statement; remove the value if it misleads.'
  note(reading, 'confidence-decides-nothing', 'info', entry.keyAt, `${key} decides nothing`, remedy)
}

function readRule(reading: Reading, tier: TierId, map: SourceMap, path: string): ClassificationRule {
  reportUnknownKeys(reading, map, ruleKeys)
  noteConfidence(reading, map, 'confidence_threshold')
  mark(reading, path, map.at)
  for (const [key, field] of [
    ['file_patterns', 'patterns'],
    ['exclude_patterns', 'excludes'],
  ] as const) {
    const node = optional(map, key)
    if (node?.kind !== 'list') continue
    for (const [index, item] of node.items.entries()) mark(reading, `${path}/${field}/${index}`, item.at)
  }
  const markers = optional(map, 'title_markers')
  return {
    tier,
    patterns: textsAt(reading, map, 'file_patterns'),
    excludes: textsAt(reading, map, 'exclude_patterns'),
    keywords: textsAt(reading, map, 'keywords'),
    markers: markers === undefined ? (defaultMarkers[tier] ?? []) : textsAt(reading, map, 'title_markers'),
  }
}

function readFallback(reading: Reading, root: SourceMap): StatedClassification['fallback'] {
  const map = mapAt(reading, root, 'fallback')
  reportUnknownKeys(reading, map, ['default_tier', 'confidence_threshold', 'notification'])
  noteConfidence(reading, map, 'confidence_threshold')
  const node = required(reading, map, 'default_tier')
  mark(reading, '/classification/fallback', map.at)
  if (node !== undefined) mark(reading, '/classification/fallback/tier', node.at)
  const manual = readConditions(reading, map)
  for (const { condition, key, at } of manual) {
    if (condition === 'manual-review') continue
    fault(reading, 'unknown-condition', at, `${key} is not known for the fallback`, 'Use require_manual_review.')
  }
  const tier = node === undefined ? '' : (tierIdOf(asText(reading, node)) ?? '')
  return { tier, manualReview: manual.length > 0 }
}

/** Reads `config/tier-classification-rules.yml`. */
export function readClassification(
  reading: Reading,
  root: SourceMap,
  tiers: ReadonlyMap<TierId, Tier>,
): StatedClassification {
  const known = ['classification_rules', 'manual_override', 'confidence_scoring', 'fallback']
  reportUnknownKeys(reading, root, known)
  noteConfidence(reading, root, 'confidence_scoring')
  const rules: ClassificationRule[] = []
  const conditions = new Map<TierId, readonly ConditionId[]>()
  for (const [key, { keyAt, value }] of mapAt(reading, root, 'classification_rules').entries) {
    const tier = tierIdOf(key)
    if (tier === null || !tiers.has(tier)) {
      const remedy = `Use a tier of config/action-tiers.yml: ${[...tiers.keys()].join(', ')}.`
      fault(reading, 'unknown-tier', keyAt, `${key} names no tier`, remedy)
      continue
    }
    const map = asMap(reading, value)
    rules.push(readRule(reading, tier, map, `/classification/rules/${rules.length}`))
    conditions.set(tier, [...(conditions.get(tier) ?? []), ...conditionsOf(readConditions(reading, map))])
  }
  return { rules, fallback: readFallback(reading, root), conditions }
}

/** Reads an action tier's own patterns in a repository file: `action_tier` and `auto_classification`. */
export function readActionTier(
  reading: Reading,
  map: SourceMap,
  path: string,
): { readonly tiers: readonly TierId[]; readonly classification: readonly ClassificationRule[] } {
  const node = optional(map, 'action_tier')
  const tierOf = (text: string): TierId => tierIdOf(text) ?? text
  const tiers = node === undefined ? [] : [tierOf(asText(reading, node))]
  if (node !== undefined) mark(reading, `${path}/tiers/0`, node.at)
  const auto = optionalMap(reading, map, 'auto_classification')
  if (auto === undefined) return { tiers, classification: [] }
  reportUnknownKeys(reading, auto, ['patterns', 'exclude_patterns', 'tier', 'manual_override'])
  booleanAt(reading, auto, 'manual_override')
  const own = optional(auto, 'tier')
  const tier = own === undefined ? tiers[0] : tierOf(asText(reading, own))
  if (tier === undefined) {
    const remedy = 'Add action_tier: to the file, or tier: to auto_classification.'
    fault(reading, 'missing-key', auto.at, 'the patterns name no tier', remedy)
    return { tiers, classification: [] }
  }
  mark(reading, `${path}/classification/0`, auto.at)
  if (own !== undefined) mark(reading, `${path}/classification/0/tier`, own.at)
  const patterns = optional(auto, 'patterns')
  if (patterns?.kind === 'list') {
    for (const [i, item] of patterns.items.entries()) mark(reading, `${path}/classification/0/patterns/${i}`, item.at)
  }
  const rule: ClassificationRule = {
    tier,
    patterns: textsAt(reading, auto, 'patterns'),
    excludes: textsAt(reading, auto, 'exclude_patterns'),
    keywords: [],
    markers: [],
  }
  return { tiers, classification: [rule] }
}
