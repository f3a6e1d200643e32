/**
 * A forger of evidence: changes one thing, then recomputes every digest, tree, proof and head that needs nobody's key but the
 * log's. With a key of one's own that is an outsider; with the trusted one it is an operator who lies.
 */
import { randomBytes } from 'node:crypto'
import { acceleration } from '../../src/compose-acceleration.ts'
import {
  appendLeaf,
  buildConsistencyProof,
  buildInclusionProof,
  bytesDigest,
  canonicalBytes,
  ed25519PublicKey,
  emptyFrontier,
  encodeBase64,
  encodeHex,
  formatVerifierKey,
  frontierRoot,
  type Json,
  noteVerifierKey,
  rootOfLeaves,
  signCheckpoint,
  treeHasher,
  type TrustFile,
} from '../../src/core/index.ts'

export type Doc = {
  checkpoint: string
  verdict: number
  earlier: unknown[]
  entries: {
    index: number
    entry: Record<string, never> & { type: string; data: Record<string, unknown> }
    proof: string[]
  }[]
  blobs: Record<string, unknown>
}

export interface Forger {
  /** The trust file of somebody who believes the forger's log key. */
  readonly trust: TrustFile
  readonly publicHex: string
  /** Makes the document consistent again after it was changed, and returns its bytes. */
  forge(
    doc: Doc,
    options?: {
      readonly keepLogKey?: boolean /** Sizes of older heads to add. */
      readonly earlier?: readonly number[]
      readonly isSigned?: (digest: string) => boolean
    },
  ): Uint8Array
}

const parse = (bytes: Uint8Array): Doc => JSON.parse(new TextDecoder().decode(bytes)) as Doc
export const readDoc = parse
export const writeDoc = (doc: unknown): Uint8Array => canonicalBytes(doc as Json)
export const copyOf = (doc: Doc): Doc => structuredClone(doc)

const hasher = treeHasher(acceleration)

/** Renames every blob to what it now is, wherever its name stands, until nothing changes; signed payloads stay as they are. */
function rehash(doc: Doc, isSigned: (digest: string) => boolean): Doc {
  let blobs = Object.entries(doc.blobs)
  let entries = doc.entries
  for (let round = 0; round < 20; round++) {
    const names = new Map<string, string>()
    for (const [name, value] of blobs) {
      const real = bytesDigest(canonicalBytes(value as Json), acceleration) as string
      if (real !== name) names.set(name, real)
    }
    if (names.size === 0) break
    const rename = <T>(value: T): T => {
      let text = JSON.stringify(value)
      for (const [from, to] of names) text = text.replaceAll(from, to)
      return JSON.parse(text) as T
    }
    blobs = blobs.map(([name, value]) => [names.get(name) ?? name, isSigned(name) ? value : rename(value)])
    entries = rename(entries)
  }
  return { ...doc, entries, blobs: Object.fromEntries(blobs) }
}

/** `rows` are the bytes of all entries of the real log. */
export function createForger(
  origin: string,
  trust: TrustFile,
  rows: readonly Uint8Array[],
  seed: Uint8Array = randomBytes(32),
): Forger {
  const publicKey = ed25519PublicKey(seed)
  const key = noteVerifierKey(origin, publicKey)
  const publicHex = encodeHex(publicKey)
  return {
    publicHex,
    trust: { ...trust, logKeys: [formatVerifierKey(key)] },
    forge(changed, options = {}) {
      const doc = rehash(changed, options.isSigned ?? (() => false))
      const genesis = doc.entries.find(({ entry }) => entry.type === 'genesis')
      if (genesis !== undefined && options.keepLogKey !== true) genesis.entry.data.logKey = publicHex
      const leaves = rows.map((bytes) => bytes)
      for (const { index, entry } of doc.entries) leaves[index] = canonicalBytes(entry)
      const nodes = new Map<string, Uint8Array>()
      let frontier = emptyFrontier
      for (const leaf of leaves)
        frontier = appendLeaf(frontier, hasher.leaf(leaf ?? new Uint8Array(0)), hasher, (level, index, hash) => {
          nodes.set(`${level}/${index}`, hash)
        })
      const { size } = frontier
      const root = frontierRoot(frontier, hasher)
      for (const item of doc.entries)
        item.proof = buildInclusionProof(
          item.index,
          size,
          (level, index) => nodes.get(`${level}/${index}`) as Uint8Array,
          hasher,
        ).map(encodeBase64)
      const read = (level: number, index: number) => nodes.get(`${level}/${index}`) as Uint8Array
      for (const older of options.earlier ?? [])
        doc.earlier.push({
          checkpoint: signCheckpoint(
            { origin, size: older, root: rootOfLeaves(leaves.slice(0, older).map(hasher.leaf), hasher) },
            seed,
          ),
          proof: buildConsistencyProof(older, size, read, hasher).map(encodeBase64),
        })
      doc.checkpoint = signCheckpoint({ origin, size, root }, seed)
      return writeDoc(doc)
    },
  }
}
