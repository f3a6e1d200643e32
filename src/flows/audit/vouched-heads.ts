import { decodeBase64, equalBytes, parseCheckpoint } from '../../core/index.ts'
import { faulty, type Read } from '../record/log-fault.ts'
import type { Decisions } from '../record/read-decisions.ts'

/** A head of the security log that an entry of the decision log holds. */
export interface VouchedHead {
  readonly size: number
  readonly root: Uint8Array
  /** Index of the entry. */
  readonly entry: number
}

/** Type of the entries that hold heads of the security log. */
export const vouchingEntries = (type: string): boolean => type === 'security-checkpoint'

/**
 * The heads of a security log that the decision log vouches for, by ascending entry.
 *
 * Trust: the entries are included in a head that the caller has verified under a trust file, which therefore binds size and
 * root of each; the key of the security log is not needed to believe them.
 * Checks: that entry and note agree in origin, size and root.
 * Does not check: the note's signature, which says nothing that the decision log's does not.
 */
export function vouchedHeads({ entries }: Decisions, origin: string): Read<readonly VouchedHead[]> {
  const heads: VouchedHead[] = []
  for (const { index, entry } of entries) {
    if (!vouchingEntries(entry.type) || entry.data.origin !== origin) continue
    const { size, root, note } = entry.data
    const parsed = parseCheckpoint(typeof note === 'string' ? note : '')
    const told = decodeBase64(typeof root === 'string' ? root : '')
    const isSame =
      parsed.ok &&
      parsed.checkpoint.origin === origin &&
      parsed.checkpoint.size === size &&
      told !== undefined &&
      equalBytes(parsed.checkpoint.root, told)
    if (!isSame) return faulty('entry-bad-data', null, index)
    heads.push({ size: parsed.checkpoint.size, root: told, entry: index })
  }
  return { ok: true, value: heads }
}
