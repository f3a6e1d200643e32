import { createHash } from 'node:crypto'
import { asInstant } from '../../src/core/index.ts'
import type { DecisionLog, LogEntryRow, LogName, LogNodeRow, Write } from '../../src/flows/ports.ts'

/** An RFC 6962 tree written apart from the product's own, to recompute what a store holds. Slow and obvious. */

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const leafHash = (entry: Uint8Array): Uint8Array => sha256(Uint8Array.of(0), entry)
const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(Uint8Array.of(1), left, right)

/** Root over leaf hashes. Spec: RFC 6962 §2.1. */
function rootOfLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves
  if (only === undefined) return sha256()
  if (leaves.length === 1) return only
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return nodeHash(rootOfLeaves(leaves.slice(0, split)), rootOfLeaves(leaves.slice(split)))
}

/** A writer's memory of the leaves so far; makes the rows that append entries with their complete subtrees. */
export function openTree(
  leaves: Uint8Array[] = [],
  log: LogName = 'decisions',
): { append(entries: readonly LogEntryRow[]): Write } {
  return {
    append(entries) {
      const expectedSize = leaves.length
      const nodes: LogNodeRow[] = []
      for (const entry of entries) {
        const index = leaves.push(leafHash(entry.bytes)) - 1
        nodes.push({ level: 0, index, hash: leaves[index] as Uint8Array })
        for (let level = 1; (index + 1) % 2 ** level === 0; level++) {
          const first = index + 1 - 2 ** level
          nodes.push({ level, index: first / 2 ** level, hash: rootOfLeaves(leaves.slice(first, index + 1)) })
        }
      }
      const at = asInstant(entries.at(-1)?.at ?? 0)
      return {
        kind: 'entries',
        ...(log === 'decisions' ? {} : { log }),
        expectedSize,
        entries,
        nodes,
        head: { size: leaves.length, root: rootOfLeaves(leaves), at },
      }
    },
  }
}

/** Reads the whole log and says everything that does not add up: indices, root, head, complete subtrees. */
export async function auditLog(log: DecisionLog): Promise<{ size: number; faults: string[]; leaves: Uint8Array[] }> {
  const head = await log.head()
  const entries: LogEntryRow[] = []
  for (;;) {
    const page = await log.entries(entries.length, head.size + 1_000)
    if (page.length === 0) break
    entries.push(...page)
  }
  const faults: string[] = []
  if (entries.length !== head.size) faults.push(`head says ${head.size}, there are ${entries.length}`)
  for (const [index, entry] of entries.entries()) if (entry.index !== index) faults.push(`no entry ${index}`)
  const leaves = entries.map(({ bytes }) => leafHash(bytes))
  if (!Buffer.from(rootOfLeaves(leaves)).equals(head.root)) faults.push('the root is not what the entries give')
  if (head.size > 0 && entries.at(-1)?.at !== head.at) faults.push('the head has another time')
  for (let level = 0, row = leaves; row.length > 0; level++) {
    for (const [index, wanted] of row.entries()) {
      const hash = await log.node(level, index)
      if (hash === null || !Buffer.from(wanted).equals(hash)) faults.push(`node ${level}/${index} is missing or wrong`)
    }
    const pairs = Array.from({ length: Math.floor(row.length / 2) }, (_, index) => index * 2)
    row = pairs.map((left) => nodeHash(row[left] as Uint8Array, row[left + 1] as Uint8Array))
  }
  const checkpoint = await log.checkpoint()
  if (checkpoint !== null && checkpoint.size > head.size) faults.push('a checkpoint is ahead of the log')
  return { size: entries.length, faults, leaves }
}
