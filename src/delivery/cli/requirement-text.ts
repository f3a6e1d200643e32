import { type Cell, type CellResult, cell, type PolicyV1, type Quorum } from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'
import { counted } from './terminal.ts'

/** The layers and tiers of the table of 25 cells. */
export const tableLayers = ['1', '2', '3', '4', '5'] as const
export const tableTiers = ['1', '2', '3', '4', '5'] as const

type Found = Extract<CellResult, { readonly ok: true }>

/** One cell. @throws Refusal unknown-layer, unknown-tier: never a default */
export function cellOf(policy: PolicyV1, layer: string, tier: string | null, consensus: boolean): Found {
  const found = cell(policy, layer, tier, { consensus })
  if (found.ok) return found
  const known = Object.keys(found.code === 'unknown-layer' ? policy.layers : policy.tiers)
  throw new Refusal(found.code, `the policy knows no ${Object.entries(found.data).flat().join(' ')}`, {
    exit: exitCode.unknown,
    remedy: `It knows: ${known.join(', ')}.`,
  })
}

const tierLabel = (tier: string): string => (/^\d+$/.test(tier) ? `T${tier}` : tier)

/** `L3 T5`, `L3 security-critical`, `L0`. */
const cellLabel = ({ layer, tier }: Pick<Cell, 'layer' | 'tier'>): string =>
  tier === null ? `L${layer}` : `L${layer} ${tierLabel(tier)}`

/** `5-of-5`; with several signer sets each one, the layer's own first: `5-of-7 + 2-of-3 emergency`. */
function quorumText({ cell: { required, total }, quorums }: Found, ownSet: string | undefined): string {
  const others = quorums.filter((quorum: Quorum) => quorum.set !== ownSet)
  return [`${required}-of-${total}`, ...others.map((q) => `${q.required}-of-${q.total} ${q.set}`)].join(' + ')
}

/** `L3 T5: 5-of-5, 180 days`. */
export function cellLine(policy: PolicyV1, found: Found): string {
  const ownSet = policy.layers[found.cell.layer]?.quorums[0]?.set
  return `${cellLabel(found.cell)}: ${quorumText(found, ownSet)}, ${counted(found.cell.reviewDays, 'day')}`
}
