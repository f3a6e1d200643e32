/** Writes a deployment's decision log as public files, from what its store holds. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  appendLeaf,
  decodeEntry,
  emptyFrontier,
  encodeBundle,
  encodeEntry,
  encodeUtf8,
  formatCheckpointBody,
  formatNoteSignature,
  formatSignedNote,
  formatVerifierKey,
  frontierRoot,
  type LogEntry,
  noteVerifierKey,
  parseJsonStrict,
  type Sha256,
  tileBytes,
  tilePath,
  tilesBetween,
  treeHasher,
} from '../../src/core/index.ts'
import type { Deployment } from './deployment.ts'

const digestPattern = /^[0-9a-f]{64}$/
const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

/** A whole log before it is signed: an operator with its key may put anything into it. */
export interface LogContent {
  readonly entries: LogEntry[]
  readonly blobs: Map<string, Uint8Array>
}

/** Every SHA-256 that stands anywhere in a JSON value. */
function digestsIn(bytes: Uint8Array): readonly string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (typeof value === 'string' && digestPattern.test(value)) found.push(value)
    else if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) visit(member)
  }
  const parsed = parseJsonStrict(bytes, limits)
  if (parsed.ok) visit(parsed.value)
  return found
}

async function readContent(d: Deployment): Promise<LogContent> {
  const { log, memory } = d.store
  const { size } = await log.head()
  const entries: LogEntry[] = []
  const digests = new Set<string>()
  while (entries.length < size)
    for (const { bytes } of await log.entries(entries.length, size)) {
      const decoded = decodeEntry(bytes)
      if (!decoded.ok) throw new Error(decoded.code)
      entries.push(decoded.entry)
      for (const digest of digestsIn(bytes)) digests.add(digest)
    }
  const blobs = new Map<string, Uint8Array>()
  for (const digest of digests) {
    const bytes = await memory.blob(digest as Sha256)
    if (bytes === null) continue
    blobs.set(digest, bytes)
    for (const named of digestsIn(bytes)) digests.add(named)
  }
  return { entries, blobs }
}

/**
 * Writes `checkpoint`, tiles, bundles and every blob that an entry names, or that such a blob names; `edit` may change all of
 * it first, as an operator could. Returns the path of a trust file.
 */
export async function writeLogFiles(
  d: Deployment,
  directory: string,
  edit: (content: LogContent) => void = () => {},
): Promise<string> {
  const content = await readContent(d)
  edit(content)
  const write = (path: string, bytes: Uint8Array | string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), bytes)
  }
  const nodes = new Map<string, Uint8Array>()
  const hasher = treeHasher()
  let frontier = emptyFrontier
  const entries = content.entries.map((entry) => {
    const encoded = encodeEntry(entry)
    if (!encoded.ok) throw new Error(encoded.code)
    frontier = appendLeaf(frontier, encoded.leafHash, hasher, (level, index, hash) =>
      nodes.set(`${level}/${index}`, hash),
    )
    return encoded.bytes
  })
  for (const file of tilesBetween(0, entries.length))
    write(
      tilePath(file),
      file.kind === 'entries'
        ? encodeBundle(entries.slice(file.index * 256, file.index * 256 + file.width))
        : tileBytes(file, (level, index) => nodes.get(`${level}/${index}`) as Uint8Array),
    )
  for (const [digest, bytes] of content.blobs) write(`blob/${digest}`, bytes)
  const { origin } = d.config.log
  const key = noteVerifierKey(origin, await d.custody.publicKey('decision-log'))
  const body = formatCheckpointBody({ origin, size: entries.length, root: frontierRoot(frontier, hasher) })
  const signature = formatNoteSignature(key, await d.custody.sign('decision-log', encodeUtf8(body)))
  write('checkpoint', formatSignedNote(body, [signature]))
  const trust = {
    genesisPolicy: d.config.policy.genesis,
    kind: 'governance-trust',
    logKeys: [formatVerifierKey(key)],
    origin,
    root: null,
    v: 1,
    witnessPolicy: null,
  }
  write('trust.json', JSON.stringify(trust))
  return join(directory, 'trust.json')
}
