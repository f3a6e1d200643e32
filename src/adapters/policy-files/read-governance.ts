import type { ConditionId, Layer, PolicyOptions } from '../../core/index.ts'
import { readConditions } from './conditions.ts'
import { fault, mark, note, type Reading } from './faults.ts'
import { asInteger, asText, booleanAt, optional, optionalMap, refuseUnknownKeys, reportUnknownKeys } from './fields.ts'
import { quorumsOf, type StatedLayer } from './read-layers.ts'
import { readActionTier } from './read-tiers.ts'
import { bareRepository, readRequiredChecks, type StatedRepository } from './read-repositories.ts'
import type { Position, SourceMap } from './source-node.ts'
import { readThreshold, type Threshold } from './thresholds.ts'

const governanceKeys = [
  'governance_source',
  'layer',
  'governance_level',
  'signature_threshold',
  'review_period_days',
  'public_comment_period_days',
  'process',
  'options',
  'required_checks',
  'action_tier',
  'auto_classification',
  'description',
  'notes',
]

/** What holds for layer 0 where the file is silent: 5-of-7 maintainers of layers 1–2 and 2-of-3 keyholders. */
const defaultThreshold = '5-of-7 + 2-of-3'
const defaultReviewDays = 90
const defaultCommentDays = 30

const defaultOptions: PolicyOptions = {
  approvalsSurviveRebase: false,
  authorsMayApprove: false,
  commenterMustBeSigner: false,
  keywords: true,
  approvalMaxDays: null,
  vetoOutvotedBy: null,
}

function readOptions(reading: Reading, root: SourceMap): PolicyOptions {
  const map = optionalMap(reading, root, 'options')
  if (map === undefined) return defaultOptions
  mark(reading, '/options', map.at)
  refuseUnknownKeys(reading, map, [
    'approvals_survive_rebase',
    'authors_may_approve',
    'commenter_must_be_signer',
    'keywords',
    'approval_max_days',
    'veto_outvoted_by',
  ])
  const flag = (key: string, otherwise: boolean): boolean => booleanAt(reading, map, key) ?? otherwise
  const count = (key: string): number | null => {
    const node = optional(map, key)
    if (node === undefined || (node.kind === 'scalar' && node.isPlain && node.text === 'null')) return null
    return asInteger(reading, node, 1, 1000)
  }
  return {
    approvalsSurviveRebase: flag('approvals_survive_rebase', defaultOptions.approvalsSurviveRebase),
    authorsMayApprove: flag('authors_may_approve', defaultOptions.authorsMayApprove),
    commenterMustBeSigner: flag('commenter_must_be_signer', defaultOptions.commenterMustBeSigner),
    keywords: flag('keywords', defaultOptions.keywords),
    approvalMaxDays: count('approval_max_days'),
    vetoOutvotedBy: count('veto_outvoted_by'),
  }
}

/** Layer 0, the governance repository and the options. */
export interface StatedGovernance {
  readonly layer: StatedLayer
  readonly repository: StatedRepository
  readonly options: PolicyOptions
}

function scalarAt(at: Position, text: string): { kind: 'scalar'; at: Position; text: string; isPlain: boolean } {
  return { kind: 'scalar', at, text, isPlain: true }
}

/**
 * Reads `.governance.yml`: the layer of the governance repository itself. Where the file is silent (or absent) layer 0 is
 * 5-of-7 maintainers of layers 1–2 and 2-of-3 keyholders, 90 days, 30 days of public comment, a rationale.
 */
export function readGovernance(
  reading: Reading,
  root: SourceMap | null,
  governanceRepository: string,
  setOf: (layer: string) => string,
): StatedGovernance {
  const at: Position = root?.at ?? { file: '.governance.yml', line: 1, column: 1 }
  const map: SourceMap = root ?? { kind: 'map', at, entries: new Map() }
  if (root === null) {
    const remedy = 'Write .governance.yml so that layer 0 stands in the repository.'
    note(reading, 'layer-0-not-stated', 'info', at, 'layer 0 is not stated in the files', remedy)
  }
  reportUnknownKeys(reading, map, governanceKeys)
  const layerNode = optional(map, 'layer')
  if (layerNode !== undefined && asText(reading, layerNode) !== '0') {
    fault(reading, 'governance-not-layer-0', layerNode.at, 'the governance repository is layer 0', 'Write layer: 0.')
  }
  const thresholdNode = optional(map, 'signature_threshold') ?? scalarAt(at, defaultThreshold)
  const reviewNode = optional(map, 'review_period_days') ?? scalarAt(at, String(defaultReviewDays))
  const commentNode = optional(map, 'public_comment_period_days') ?? scalarAt(at, String(defaultCommentDays))
  const parts: readonly Threshold[] = readThreshold(reading, thresholdNode)
  const publicCommentDays = asInteger(reading, commentNode, 0, 3650)
  const conditions = new Set<ConditionId>(readConditions(reading, map).map(({ condition }) => condition))
  if (optional(map, 'requires_rationale') === undefined) conditions.add('rationale')
  if (publicCommentDays > 0) conditions.add('public-comment')
  const layer: Layer = {
    name: 'Meta-governance',
    quorums: quorumsOf(reading, parts, setOf('1')),
    reviewDays: asInteger(reading, reviewNode, 0, 3650),
    consensusReviewDays: null,
    publicCommentDays,
    conditions: [...conditions],
  }
  mark(reading, '/layers/0', at)
  for (const index of layer.quorums.keys()) mark(reading, `/layers/0/quorums/${index}`, thresholdNode.at)
  mark(reading, '/layers/0/reviewDays', reviewNode.at)
  mark(reading, '/layers/0/publicCommentDays', commentNode.at)
  const path = `/repositories/${governanceRepository.replace('/', '~1')}`
  mark(reading, path, at)
  return {
    layer: { id: '0', layer, at, thresholdAt: thresholdNode.at, reviewAt: reviewNode.at, consensusAt: at },
    options: readOptions(reading, map),
    repository: {
      foreign: [],
      policy: {
        ...bareRepository('0'),
        ...readActionTier(reading, map, path),
        requiredChecks: readRequiredChecks(reading, map, path),
      },
    },
  }
}
