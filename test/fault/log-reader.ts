/** Reads the entries of a decision log as anybody would who has only their bytes. */
import type { DecisionLog } from '../../src/flows/ports.ts'

export interface ReadEntry {
  readonly index: number
  readonly id: string
  readonly type: string
  readonly at: number
  readonly subject: { readonly kind: string; readonly repository?: number; readonly number?: number }
  readonly data: Readonly<Record<string, unknown>>
}

export const decodeEntry = (index: number, bytes: Uint8Array): ReadEntry => ({
  ...(JSON.parse(Buffer.from(bytes).toString('utf8')) as Omit<ReadEntry, 'index'>),
  index,
})

export async function decodeEntries(log: DecisionLog): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = []
  for (;;) {
    const page = await log.entries(entries.length, entries.length + 1_000)
    if (page.length === 0) return entries
    entries.push(...page.map(({ index, bytes }) => decodeEntry(index, bytes)))
  }
}
