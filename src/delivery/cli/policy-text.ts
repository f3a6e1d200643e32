import { inertPlain as inert, type PolicyV1, type Quorum, type Sha256 } from '../../core/index.ts'
import type { PolicyRecord } from '../../flows/ports.ts'
import { aligned } from './terminal.ts'

const quorums = (list: readonly Quorum[]): string =>
  list.map(({ set, required, total }) => `${required}-of-${total} ${inert(set)}`).join(' + ')

/** A policy as people read it. */
export function policyText(policy: PolicyV1, digest: Sha256, record: PolicyRecord | null): string {
  const head = [
    ['governance', inert(policy.governanceRepository)],
    ['digest', `sha256:${digest}`],
    ...(record === null
      ? []
      : [
          ['epoch', String(record.epoch)],
          ['commit', record.commit],
          ['in force', `since ${new Date(record.at).toISOString()}, log entry ${record.entry}`],
        ]),
  ]
  const layers = Object.entries(policy.layers).map(([id, layer]) => [
    `L${id}`,
    inert(layer.name),
    quorums(layer.quorums),
    `${layer.reviewDays} days${layer.consensusReviewDays === null ? '' : ` (consensus ${layer.consensusReviewDays})`}`,
    layer.conditions.join(', '),
  ])
  const tiers = Object.entries(policy.tiers).map(([id, tier]) => [
    /^\d+$/.test(id) ? `T${id}` : id,
    inert(tier.name),
    `${tier.required}-of-${tier.total}${tier.set === null ? '' : ` ${inert(tier.set)}`}`,
    `${tier.reviewDays} days`,
    tier.conditions.join(', '),
  ])
  const repositories = Object.entries(policy.repositories).map(([name, { layer, tiers: own, requiredChecks }]) => [
    inert(name),
    `L${layer}`,
    [...own.map((tier) => `always T${tier}`), ...requiredChecks.map((check) => `check ${inert(check.name)}`)].join(
      ', ',
    ),
  ])
  const sets = Object.entries(policy.sets).map(([set, { persons }]) => [
    inert(set),
    String(persons.length),
    inert(persons.join(', ')),
  ])
  const options = Object.entries(policy.options).map(([name, value]) => [name, String(value)])
  return [
    aligned(head),
    section('Layers', layers),
    section('Tiers', tiers),
    section('Repositories', repositories),
    section('Signers', sets),
    section('Options', options),
  ].join('\n')
}

const section = (title: string, rows: readonly (readonly string[])[]): string =>
  `${title}\n${aligned(rows.map(([first = '', ...rest]) => [`  ${first}`, ...rest]))}`
