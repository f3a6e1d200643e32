import type { EmergencyTier } from '../../core/index.ts'
import { fault, mark, note, type Reading } from './faults.ts'
import {
  asInteger,
  asMap,
  booleanAt,
  daysAt,
  mapAt,
  optional,
  optionalMap,
  reportUnknownKeys,
  required,
  textAt,
} from './fields.ts'
import type { SourceMap, SourceNode } from './source-node.ts'
import { readThreshold, singleThreshold, type Threshold } from './thresholds.ts'

const postKeys = [
  'post_mortem_deadline_days',
  'security_audit_deadline_days',
  'disclosure_timing',
  'requires_post_mortem',
  'requires_security_audit',
  'requires_public_disclosure',
]

/** `tier_1_critical` and `critical` are the same tier. */
const emergencyId = (key: string): string | null =>
  /^(?:tier_[1-9]_)?([a-z][a-z0-9]*(?:_[a-z0-9]+)*)$/.exec(key)?.[1]?.replaceAll('_', '-') ?? null

function thresholdOf(reading: Reading, map: SourceMap, key: string): Threshold {
  const node = required(reading, map, key)
  const parts = node === undefined ? [] : readThreshold(reading, node)
  return singleThreshold(reading, parts, node?.at ?? map.at)
}

function readExtension(
  reading: Reading,
  map: SourceMap | undefined,
): Pick<EmergencyTier, 'maxExtensions' | 'extensionDays' | 'extensionRequired'> {
  if (map !== undefined) {
    const known = ['allowed', 'max_extensions', 'extension_duration_days', 'extension_threshold', 'rationale']
    reportUnknownKeys(reading, map, known)
  }
  if (map === undefined || booleanAt(reading, map, 'allowed') !== true) {
    return { maxExtensions: 0, extensionDays: 0, extensionRequired: 0 }
  }
  const maxNode = required(reading, map, 'max_extensions')
  return {
    maxExtensions: maxNode === undefined ? 0 : asInteger(reading, maxNode, 0, 100),
    extensionDays: daysAt(reading, map, 'extension_duration_days'),
    extensionRequired: thresholdOf(reading, map, 'extension_threshold').required,
  }
}

function readTier(reading: Reading, id: string, map: SourceMap): EmergencyTier {
  const known = ['name', 'severity', 'activation_criteria', 'requirements', 'evidence_requirements']
  reportUnknownKeys(reading, map, [...known, 'post_activation', 'extension', 'description', 'notes'])
  const needs = mapAt(reading, map, 'requirements')
  reportUnknownKeys(reading, needs, [
    'review_period_days',
    'signature_threshold',
    'max_duration_days',
    'activation_threshold',
  ])
  const post = mapAt(reading, map, 'post_activation')
  for (const [key, { keyAt }] of post.entries) {
    if (postKeys.includes(key)) continue
    fault(reading, 'unknown-key', keyAt, `the key ${key} is not known here`, `Use one of ${postKeys.join(', ')}.`)
  }
  const path = `/emergency/${id}`
  const quorum = thresholdOf(reading, needs, 'signature_threshold')
  const activation = thresholdOf(reading, needs, 'activation_threshold')
  mark(reading, path, map.at)
  mark(reading, `${path}/required`, quorum.at)
  mark(reading, `${path}/activationRequired`, activation.at)
  mark(reading, `${path}/reviewDays`, optional(needs, 'review_period_days')?.at ?? needs.at)
  const wantsPostMortem = booleanAt(reading, post, 'requires_post_mortem') ?? false
  const wantsAudit = booleanAt(reading, post, 'requires_security_audit') ?? false
  booleanAt(reading, post, 'requires_public_disclosure')
  const durationNode = required(reading, needs, 'max_duration_days')
  return {
    name: textAt(reading, map, 'name'),
    reviewDays: daysAt(reading, needs, 'review_period_days'),
    required: quorum.required,
    total: quorum.total,
    activationRequired: activation.required,
    activationTotal: activation.total,
    maxDurationDays: durationNode === undefined ? 1 : asInteger(reading, durationNode, 1, 3650),
    ...readExtension(reading, optionalMap(reading, map, 'extension')),
    postMortemDays: wantsPostMortem ? daysAt(reading, post, 'post_mortem_deadline_days') : 0,
    auditDays: wantsAudit ? daysAt(reading, post, 'security_audit_deadline_days') : null,
  }
}

/** Reads `config/emergency-tiers.yml`. Prose beside the tiers explains them and decides nothing. */
export function readEmergencyTiers(reading: Reading, root: SourceMap): Map<string, EmergencyTier> {
  const prose = ['activation_process', 'historical_examples', 'safeguards', 'notes', 'description']
  reportUnknownKeys(reading, root, ['tiers', ...prose])
  const tiers = new Map<string, EmergencyTier>()
  for (const [key, { keyAt, value }] of mapAt(reading, root, 'tiers').entries) {
    const id = emergencyId(key)
    if (id === null || tiers.has(id)) {
      fault(reading, 'bad-key', keyAt, `${key} names no emergency tier of its own`, 'Name it tier_<n>_<word>, once.')
    } else tiers.set(id, readTier(reading, id, asMap(reading, value)))
  }
  return tiers
}

/**
 * Compares the shorter copy in `config/action-tiers.yml` with the complete tiers of `config/emergency-tiers.yml`. The
 * latter hold; every difference is a finding.
 */
export function compareEmbeddedTiers(
  reading: Reading,
  root: SourceMap,
  tiers: ReadonlyMap<string, EmergencyTier>,
): void {
  const embedded = optionalMap(reading, root, 'emergency_tiers')
  const differs = (node: SourceNode, what: string): void => {
    const remedy = 'Make both files say the same; config/emergency-tiers.yml holds.'
    note(
      reading,
      'emergency-tiers-differ',
      'warning',
      node.at,
      `${what} differs from config/emergency-tiers.yml`,
      remedy,
    )
  }
  for (const [key, { value }] of embedded?.entries ?? []) {
    const map = asMap(reading, value)
    const tier = tiers.get(emergencyId(key) ?? '')
    if (tier === undefined) {
      differs(map, `the tier ${key}`)
      continue
    }
    const pairs = [
      ['activation_threshold', tier.activationRequired],
      ['activation_total', tier.activationTotal],
      ['review_period_days', tier.reviewDays],
      ['max_duration_days', tier.maxDurationDays],
      ['extensions_allowed', tier.maxExtensions],
    ] as const
    for (const [field, expected] of pairs) {
      const node = optional(map, field)
      if (node !== undefined && asInteger(reading, node, 0, 100_000) !== expected) differs(node, field)
    }
  }
}
