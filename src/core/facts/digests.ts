import { canonicalBytes, canonicalize } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import { textDigest } from '../crypto/text-digest.ts'
import type { Sha256 } from '../ids.ts'
import type { Facts, FileChange } from './facts.ts'

/** The path a file change is sorted and shown by. */
export const pathOf = (file: FileChange): string => file.newPath ?? file.oldPath ?? ''

const byPath = (a: FileChange, b: FileChange): number => {
  const [x, y] = [pathOf(a), pathOf(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

function isSorted(files: readonly FileChange[]): boolean {
  for (let i = 1; i < files.length; i++) {
    if (pathOf(files[i - 1] as FileChange) > pathOf(files[i] as FileChange)) return false
  }
  return true
}

const isWellFormed = ({ newPath, oldPath }: FileChange): boolean =>
  (newPath ?? '').isWellFormed() && (oldPath ?? '').isWellFormed()

const memberOrder = ['newBlob', 'newMode', 'newPath', 'oldBlob', 'oldMode', 'oldPath']

/** The file has exactly the members that canonical JSON writes, made in its order. */
function isInOrder(file: FileChange): boolean {
  let at = 0
  for (const name in file) if (name !== memberOrder[at++]) return false
  return at === memberOrder.length
}

const inOrder = ({ newBlob, newMode, newPath, oldBlob, oldMode, oldPath }: FileChange): FileChange => ({
  newBlob,
  newMode,
  newPath,
  oldBlob,
  oldMode,
  oldPath,
})

/**
 * The canonical JSON of a list of file changes, in the order given. The engine's own writer is canonical for objects whose
 * members are made in sorted order; it is several times as fast as the general one, and this is most of the work of a verdict.
 */
function listText(files: readonly FileChange[]): string {
  const text = JSON.stringify(files.every(isInOrder) ? files : files.map(inOrder))
  // The engine writes a lone surrogate as an escape; a path may hold the same letters, so each is then looked at.
  if (text.includes('\\ud') && !files.every(isWellFormed)) throw new RangeError('lone surrogate has no UTF-8 form')
  return text
}

/**
 * Names the content of a change, whoever wrote it and whenever: SHA-256 of the canonical JSON of its file changes, sorted by
 * path (the new one, or the old one of a deletion) in UTF-16 code units.
 *
 * Checks: the order of the list and of the members does not matter.
 * @throws RangeError when a path holds a lone surrogate
 * Spec: formats.md "changeDigest"; RFC 8785.
 */
export function changeDigest(files: readonly FileChange[], acceleration: Acceleration = {}): Sha256 {
  return textDigest(listText(isSorted(files) ? files : [...files].sort(byPath)), acceleration)
}

/** The facts without their file list, which `changeDigest` names. */
const headOf = ({ files: _files, ...head }: Facts): Omit<Facts, 'files'> => head

/**
 * The facts as two values by digest: all but the files, and the files, whose digest is the `changeDigest` that the first
 * holds. A list of thousands of paths is kept and hashed once, whatever else about the change moves.
 *
 * @throws RangeError when a path holds a lone surrogate
 */
export function encodeFacts(facts: Facts): { readonly facts: Uint8Array; readonly files: Uint8Array } {
  const { files } = facts
  return {
    facts: canonicalBytes(headOf(facts) as unknown as Json),
    files: encodeUtf8(listText(isSorted(files) ? files : [...files].sort(byPath))),
  }
}

/** Digest of the facts, and of their file list as it really is: the second must be the one that the facts hold. */
export function factsDigests(
  facts: Facts,
  acceleration: Acceleration = {},
): { readonly facts: Sha256; readonly change: Sha256 } {
  return {
    facts: textDigest(canonicalize(headOf(facts) as unknown as Json), acceleration),
    change: changeDigest(facts.files, acceleration),
  }
}

/** Names the facts: SHA-256 of the canonical JSON of all but the files, `changeDigest` included. */
export const factsDigest = (facts: Facts, acceleration: Acceleration = {}): Sha256 =>
  factsDigests(facts, acceleration).facts
