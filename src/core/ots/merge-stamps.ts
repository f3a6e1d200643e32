import { encodeHex } from '../bytes/hex.ts'
import { attestationTag } from './attestation-bytes.ts'
import { itemKey } from './ots-file.ts'
import type { OtsAttestation, OtsItem, OtsStamp } from './stamp.ts'

/**
 * Everything that either stamp of one message says, once, in the order in which the reference implementation writes it:
 * attestations by tag and content, then operations by tag and argument.
 */
export function mergeStamps(a: OtsStamp, b: OtsStamp): OtsStamp {
  const items = new Map<string, OtsItem>(a.map((item) => [itemKey(item), item]))
  for (const item of b) {
    const key = itemKey(item)
    const known = items.get(key)
    items.set(
      key,
      known !== undefined && 'next' in known && 'next' in item
        ? { operation: known.operation, next: mergeStamps(known.next, item.next) }
        : item,
    )
  }
  return [...items.values()].toSorted(compareItems)
}

function compareItems(a: OtsItem, b: OtsItem): number {
  if ('attestation' in a) return 'attestation' in b ? compareAttestations(a.attestation, b.attestation) : -1
  if ('attestation' in b) return 1
  return compareTexts(itemKey(a), itemKey(b))
}

function compareAttestations(a: OtsAttestation, b: OtsAttestation): number {
  if (a.kind === 'bitcoin' && b.kind === 'bitcoin') return a.height - b.height
  if (a.kind === 'pending' && b.kind === 'pending') return compareTexts(a.uri, b.uri)
  return (
    compareTexts(attestationTag(a), attestationTag(b)) ||
    (a.kind === 'unknown' && b.kind === 'unknown' ? compareTexts(encodeHex(a.payload), encodeHex(b.payload)) : 0)
  )
}

/** By code unit: all keys are ASCII, so this is the order of their bytes. */
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
