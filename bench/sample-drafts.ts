/** Entries as a governed repository makes them: clocks, statements and above all verdicts. */
import { hash } from 'node:crypto'
import type { JsonObject } from '../src/core/index.ts'
import type { EntryDraft } from '../src/flows/gate/entries.ts'

export const origin = 'bench.example.org/decisions'
export const digestOf = (text: string): string => hash('sha256', text)
const blobCount = 1_000
const blobText = (number: number): string => JSON.stringify({ blob: number, text: 'x'.repeat(500) })
const blobDigests = Array.from({ length: blobCount }, (_, i) => digestOf(blobText(i)))
const blob = (number: number): string => blobDigests[number % blobCount] as string

/** The values that the entries name. */
export const sampleBlobs = (): readonly { readonly digest: string; readonly text: string }[] =>
  blobDigests.map((digest, i) => ({ digest, text: blobText(i) }))

const server = { kind: 'server' } as const

/** The entry of that number, before it has its place; the first one is a genesis. */
export function sampleDraft(number: number): EntryDraft {
  const commit = digestOf(`commit ${number}`).slice(0, 40)
  const change = { kind: 'change', repository: 7, number: 1 + (number % 5_000) }
  const draft = (type: string, actor: JsonObject, subject: JsonObject, data: JsonObject): EntryDraft =>
    ({ type, actor, subject, data }) as unknown as EntryDraft
  if (number === 0)
    return draft(
      'genesis',
      { kind: 'operator' },
      { kind: 'deployment' },
      {
        origin,
        governanceRepository: 'acme/governance',
        policy: blob(0),
        commit,
        logKey: 'b'.repeat(64),
        accounts: [],
      },
    )
  if (number % 4 === 1)
    return draft('clock-started', server, change, { baseRef: 'main', changeDigest: blob(number), head: commit })
  if (number % 4 === 2)
    return draft('statement-refused', { kind: 'person', account: 11, keyid: digestOf('key') }, change, {
      payloadDigest: digestOf(`payload ${number}`),
      code: 'expired',
      commentId: number,
    })
  return draft('verdict', server, change, {
    outcome: 'pending',
    code: 'tiers',
    head: commit,
    baseRef: 'main',
    mergeTree: commit,
    policy: blob(0),
    epoch: 1,
    facts: blob(number),
    approvals: digestOf(`approvals ${number}`),
    keyring: blob(1),
    requirement: blob(2),
    verdict: blob(number + 1),
  })
}
