import type { ConditionId, Layer, LayerId, Quorum } from '../../core/index.ts'
import { conditionsOf, readConditions } from './conditions.ts'
import { fault, mark, note, type Reading } from './faults.ts'
import {
  asBoolean,
  asInteger,
  asMap,
  asText,
  booleanAt,
  daysAt,
  listAt,
  mapAt,
  optional,
  optionalMap,
  reportUnknownKeys,
  textAt,
} from './fields.ts'
import type { Position, SourceMap } from './source-node.ts'
import { type Threshold, thresholdAt } from './thresholds.ts'

/** A layer as its file states it, with the places that a repository file is compared against. */
export interface StatedLayer {
  readonly id: LayerId
  readonly layer: Layer
  readonly at: Position
  readonly thresholdAt: Position
  readonly reviewAt: Position
  readonly consensusAt: Position
}

/** Everything that `repository-layers.yml` says. */
export interface StatedLayers {
  readonly layers: ReadonlyMap<LayerId, StatedLayer>
  /** Layer of each listed repository, by the name as written. */
  readonly repositories: ReadonlyMap<string, { readonly layer: LayerId; readonly at: Position }>
  /** Longer reviews that changes of a layer ask for, by layer. */
  readonly extensions: readonly {
    readonly id: string
    readonly layer: LayerId
    readonly days: number
    readonly description: string
    readonly at: Position
  }[]
}

const layerKeys = [
  'name',
  'repositories',
  'purpose',
  'signatures',
  'signature_threshold',
  'review_period_days',
  'consensus_review_period_days',
  'public_comment_period_days',
  'maintainers',
  'verification',
  'description',
  'notes',
]

/** The quorums of a threshold: the first part over the layer's own set, a second one over the emergency keyholders. */
export function quorumsOf(reading: Reading, parts: readonly Threshold[], ownSet: string): readonly Quorum[] {
  if (parts.length > 2) {
    const at = parts[2]?.at ?? parts[0]?.at
    const remedy = 'Write at most two parts: maintainers + emergency keyholders.'
    if (at !== undefined) fault(reading, 'bad-threshold', at, 'three signer sets are not known here', remedy)
  }
  return parts.slice(0, 2).map(({ required, total, set }, index) => ({
    set: set ?? (index === 0 ? ownSet : 'emergency'),
    required,
    total,
  }))
}

/** Whether a `verification` part asks for verification. */
export function readVerification(reading: Reading, map: SourceMap): Position | null {
  const verification = optionalMap(reading, map, 'verification')
  if (verification === undefined) return null
  const node = optional(verification, 'required')
  return node !== undefined && asBoolean(reading, node) ? node.at : null
}

function readLayer(reading: Reading, id: LayerId, map: SourceMap, setOf: (layer: LayerId) => string): StatedLayer {
  reportUnknownKeys(reading, map, layerKeys)
  const name = textAt(reading, map, 'name')
  const parts = thresholdAt(reading, map)
  const reviewDays = daysAt(reading, map, 'review_period_days')
  const consensusNode = optional(map, 'consensus_review_period_days')
  const commentNode = optional(map, 'public_comment_period_days')
  const stated = readConditions(reading, map)
  const publicCommentDays = commentNode === undefined ? 0 : asInteger(reading, commentNode, 0, 3650)
  const conditions = new Set<ConditionId>(conditionsOf(stated))
  if (readVerification(reading, map) !== null) conditions.add('verification')
  if (publicCommentDays > 0) conditions.add('public-comment')
  const path = `/layers/${id}`
  const quorums = quorumsOf(reading, parts, setOf(id))
  const reviewAt = optional(map, 'review_period_days')?.at ?? map.at
  mark(reading, path, map.at)
  for (const [index, part] of parts.entries()) mark(reading, `${path}/quorums/${index}`, part.at)
  mark(reading, `${path}/reviewDays`, reviewAt)
  if (consensusNode !== undefined) mark(reading, `${path}/consensusReviewDays`, consensusNode.at)
  if (commentNode !== undefined) mark(reading, `${path}/publicCommentDays`, commentNode.at)
  return {
    id,
    at: map.at,
    thresholdAt: parts[0]?.at ?? map.at,
    reviewAt,
    consensusAt: consensusNode?.at ?? map.at,
    layer: {
      name,
      quorums,
      reviewDays,
      consensusReviewDays: consensusNode === undefined ? null : asInteger(reading, consensusNode, 0, 3650),
      publicCommentDays,
      conditions: [...conditions],
    },
  }
}

function readExtensions(reading: Reading, root: SourceMap): StatedLayers['extensions'] {
  const rules = optionalMap(reading, root, 'cross_layer_rules')
  if (rules === undefined) return []
  reportUnknownKeys(reading, rules, ['dependencies', 'emergency_cross_layer'])
  const extensions: StatedLayers['extensions'][number][] = []
  const dependencies = optionalMap(reading, rules, 'dependencies')
  for (const [id, { keyAt, value }] of dependencies?.entries ?? []) {
    const map = asMap(reading, value)
    reportUnknownKeys(reading, map, ['description', 'notification_required', 'review_period_extension'])
    readConditions(reading, map)
    booleanAt(reading, map, 'notification_required')
    const daysNode = optional(map, 'review_period_extension')
    const layer = /^layer_([1-9])_/.exec(id)?.[1]
    if (layer === undefined) {
      fault(reading, 'unknown-layer', keyAt, `${id} names no layer`, 'Name it layer_<n>_to_lower.')
      continue
    }
    if (daysNode === undefined) continue
    const description = optional(map, 'description')
    extensions.push({
      id,
      layer,
      days: asInteger(reading, daysNode, 0, 3650),
      description: description === undefined ? '' : asText(reading, description),
      at: daysNode.at,
    })
  }
  return extensions
}

/** Reads `config/repository-layers.yml`. `setOf` names the registry of a layer's maintainers. */
export function readLayers(reading: Reading, root: SourceMap, setOf: (layer: LayerId) => string): StatedLayers {
  reportUnknownKeys(reading, root, ['layers', 'cross_layer_rules'])
  const layers = new Map<LayerId, StatedLayer>()
  const repositories = new Map<string, { readonly layer: LayerId; readonly at: Position }>()
  for (const [key, { keyAt, value }] of mapAt(reading, root, 'layers').entries) {
    const id = /^layer_([1-9])(?:_[a-z0-9_]+)?$/.exec(key)?.[1]
    if (id === undefined) {
      fault(
        reading,
        'unknown-layer',
        keyAt,
        `${key} is no layer`,
        'Name it layer_<1-9>_<word>; layer 0 is .governance.yml.',
      )
      continue
    }
    const twin = layers.get(id)
    if (twin !== undefined) {
      const message = `layer ${id} stands here again; first at line ${twin.at.line}`
      fault(reading, 'layer-stated-twice', keyAt, message, 'Keep one of the two.')
      continue
    }
    const map = asMap(reading, value)
    layers.set(id, readLayer(reading, id, map, setOf))
    for (const item of listAt(reading, map, 'repositories')) {
      const name = asText(reading, item)
      const other = repositories.get(name)
      if (other !== undefined) {
        const message = `${name} is in layer ${id} and, at line ${other.at.line}, in layer ${other.layer}`
        fault(reading, 'repository-in-two-layers', item.at, message, 'Keep it in one layer.')
      } else repositories.set(name, { layer: id, at: item.at })
    }
    if (optional(map, 'maintainers') !== undefined) {
      const at = map.entries.get('maintainers')?.keyAt ?? map.at
      const remedy = `The eligible signers are those registered in config/maintainers/${setOf(id)}.yml.`
      note(reading, 'maintainer-labels', 'info', at, 'the names listed here are labels', remedy)
    }
  }
  return { layers, repositories, extensions: readExtensions(reading, root) }
}
