/** A log of sample entries, as a store answers for it, published into two directories. */
import { createHash } from 'node:crypto'
import { openLogDirectory } from '../../src/adapters/log-files/directory.ts'
import { decodeUtf8, nodeOfTile, tileOfNode, tilePath, treeHasher } from '../../src/core/index.ts'
import { createLogPublisher, type LogPublisher } from '../../src/flows/record/publisher.ts'
import { type FiledLog, fileLog, sampleEntry } from '../fixtures/log-files.ts'

export const sampleOrigin = 'gov.example.org/decisions'
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest())
const hasher = treeHasher({ sha256 })

/** The files that a log of this size has in the end; their `fork`-th entry is another one. */
export const sampleFiles = (size: number, fork?: number): FiledLog =>
  fileLog(
    sampleOrigin,
    Array.from({ length: size }, (_, i) => sampleEntry(i === fork ? 1_000_000 : i)),
  )

export async function samplePublisher(
  place: { readonly local: string; readonly offHost: string },
  { files, entries }: FiledLog,
): Promise<LogPublisher> {
  const size = entries.length
  return createLogPublisher({
    name: 'decisions',
    origin: sampleOrigin,
    log: {
      checkpoint: async () => ({ size, note: decodeUtf8(files.get('checkpoint') ?? new Uint8Array()) ?? '' }),
      entries: async (from, to) => entries.slice(from, to).map((bytes, i) => ({ index: from + i, bytes }) as never),
      async node(level, index) {
        const tile = files.get(tilePath(tileOfNode(level, index, size)))
        return tile === undefined ? null : nodeOfTile(tile, level, index, hasher)
      },
    },
    memory: { blob: async () => null },
    local: await openLogDirectory({ directory: place.local, create: true }),
    offHost: await openLogDirectory({ directory: place.offHost, create: true }),
    cosigner: null,
    telemetry: { event: () => {}, count: () => {}, observe: () => {} },
    timers: { after: () => () => {} },
    acceleration: { sha256 },
  })
}

export async function publishSample(place: {
  readonly local: string
  readonly offHost: string
  readonly size: number
}): Promise<void> {
  await (await samplePublisher(place, sampleFiles(place.size))).publish()
}
