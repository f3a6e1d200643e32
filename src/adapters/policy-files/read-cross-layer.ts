import { conditionOfRuleKind, readConditions } from './conditions.ts'
import type { Reading } from './faults.ts'
import { asMap, asText, booleanAt, listAt, optional, reportUnknownKeys, required, textAt } from './fields.ts'
import { type ForeignRule, isNotBlocking } from './read-repositories.ts'
import type { SourceMap } from './source-node.ts'

/** Reads `config/cross-layer-rules.yml`: for each rule, a condition on the repository (or the two) that it is about. */
export function readCrossLayerRules(reading: Reading, root: SourceMap): readonly ForeignRule[] {
  reportUnknownKeys(reading, root, ['rules', 'description', 'notes'])
  const found: ForeignRule[] = []
  for (const item of listAt(reading, root, 'rules')) {
    const rule = asMap(reading, item)
    reportUnknownKeys(reading, rule, [
      'name',
      'description',
      'source_repo',
      'source_pattern',
      'target_repo',
      'target_pattern',
      'validation',
      'bidirectional',
      'blocking',
      'allowed_imports_only',
      'required_reference_format',
      'error_message',
      'notes',
    ])
    readConditions(reading, rule)
    const name = textAt(reading, rule, 'name')
    const sourceNode = required(reading, rule, 'source_repo')
    const kindNode = required(reading, rule, 'validation')
    if (sourceNode === undefined || kindNode === undefined) continue
    const kind = asText(reading, kindNode)
    const condition = conditionOfRuleKind(reading, kind, kindNode.at)
    const description = optional(rule, 'description')
    const textOf = (key: string): string[] => {
      const node = optional(rule, key)
      return node === undefined ? [] : [asText(reading, node)]
    }
    booleanAt(reading, rule, 'allowed_imports_only')
    const isBidirectional = booleanAt(reading, rule, 'bidirectional') === true
    if (isNotBlocking(reading, rule)) continue
    const common = { id: name, condition, description: description === undefined ? '' : asText(reading, description) }
    found.push({
      repository: asText(reading, sourceNode),
      rule: { ...common, patterns: textOf('source_pattern') },
      at: sourceNode.at,
    })
    if (!isBidirectional) continue
    const targetNode = required(reading, rule, 'target_repo')
    if (targetNode === undefined) continue
    found.push({
      repository: asText(reading, targetNode),
      rule: { ...common, patterns: textOf('target_pattern') },
      at: targetNode.at,
    })
  }
  return found
}
