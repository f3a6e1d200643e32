import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { attestationBytes, readAttestation } from './attestation-bytes.ts'
import { encodeVaruint, otsBytes, type OtsBytes, OtsFault, type OtsFaultCode } from './ots-bytes.ts'
import {
  applyOperation,
  maxOtsMessageBytes,
  operationKey,
  type OtsFile,
  type OtsItem,
  type OtsOperation,
  type OtsStamp,
  operationTags,
} from './stamp.ts'

type Refused = { readonly ok: false; readonly code: OtsFaultCode }

const magic = concatBytes(
  Uint8Array.of(0),
  encodeUtf8('OpenTimestamps'),
  Uint8Array.of(0, 0),
  encodeUtf8('Proof'),
  decodeHex('00bf89e2e884e89294') as Uint8Array,
)
const version = 1
const sha256Tag = operationTags.sha256
const digestBytes = 32
/** Far above any file of a dozen calendars, and little enough that the worst one is judged at once. */
export const maxOtsBytes = 65_536
/** What a calendar may answer. Spec: OpenTimestamps, `RemoteCalendar`. */
export const maxStampBytes = 10_000
const maxDepth = 256
const another = 0xff

const kinds = new Map(Object.entries(operationTags).map(([kind, tag]) => [tag, kind as OtsOperation['kind']]))

function readOperation(bytes: OtsBytes, tag: number): OtsOperation {
  const kind = kinds.get(tag)
  if (kind === undefined) return bytes.refuse('ots-operation-unknown')
  return kind === 'append' || kind === 'prepend'
    ? { kind, argument: bytes.takeVariable(maxOtsMessageBytes, 1).slice() }
    : { kind }
}

function readItem(bytes: OtsBytes, tag: number, message: Uint8Array, depth: number): OtsItem {
  if (tag === 0x00) return { attestation: readAttestation(bytes) }
  const operation = readOperation(bytes, tag)
  const result = applyOperation(operation, message)
  return result === undefined
    ? bytes.refuse('ots-result-too-long')
    : { operation, next: readItems(bytes, result, depth + 1) }
}

function readItems(bytes: OtsBytes, message: Uint8Array, depth: number): OtsStamp {
  if (depth >= maxDepth) return bytes.refuse('ots-too-deep')
  const items: OtsItem[] = []
  const seen = new Set<string>()
  for (let isLast = false; !isLast; ) {
    let [tag] = bytes.take(1) as unknown as [number]
    isLast = tag !== another
    if (!isLast) [tag] = bytes.take(1) as unknown as [number]
    const item = readItem(bytes, tag, message, depth)
    const key = itemKey(item)
    if (seen.has(key)) return bytes.refuse('ots-duplicate')
    seen.add(key)
    items.push(item)
  }
  return items
}

/** Two items of one stamp with the same key say the same thing or lead to the same message. Keys sort as the format sorts. */
export const itemKey = (item: OtsItem): string =>
  'attestation' in item ? encodeHex(attestationBytes(item.attestation)) : operationKey(item.operation)

function reading<T>(read: () => T): { readonly ok: true; readonly value: T } | Refused {
  try {
    return { ok: true, value: read() }
  } catch (error) {
    if (error instanceof OtsFault) return { ok: false, code: error.code }
    throw error
  }
}

/**
 * Reads what a calendar answers: the stamp of a message that the caller knows.
 *
 * Trust: the bytes are a stranger's.
 * Checks: as `readOtsFile`, within 10,000 bytes.
 */
export function readStamp(
  bytes: Uint8Array,
  message: Uint8Array,
): { readonly ok: true; readonly stamp: OtsStamp } | Refused {
  if (bytes.length > maxStampBytes) return { ok: false, code: 'ots-too-large' }
  const read = reading(() => wholly(otsBytes(bytes), (all) => readItems(all, message, 0)))
  return read.ok ? { ok: true, stamp: read.value } : read
}

function wholly<T>(bytes: OtsBytes, read: (bytes: OtsBytes) => T): T {
  const value = read(bytes)
  return bytes.left > 0 ? bytes.refuse('ots-trailing-bytes') : value
}

/**
 * Reads a detached timestamp file; `writeOtsFile` gives the same bytes back.
 *
 * Trust: the bytes are a stranger's.
 * Checks: magic, version 1, SHA-256 as the file's hash, known operations, every operation's result of at most 4,096 bytes,
 * depth of at most 256, shortest numbers, nothing said twice, nothing left over, 65,536 bytes in all.
 * Does not check: what is stamped, nor that any attestation is true; `verifyOts` does.
 * Spec: OpenTimestamps, `DetachedTimestampFile` version 1.
 */
export function readOtsFile(bytes: Uint8Array): { readonly ok: true; readonly file: OtsFile } | Refused {
  if (bytes.length > maxOtsBytes) return { ok: false, code: 'ots-too-large' }
  const read = reading(() =>
    wholly(otsBytes(bytes), (all): OtsFile => {
      const head = all.take(Math.min(magic.length, all.left))
      if (encodeHex(head) !== encodeHex(magic)) return all.refuse('ots-bad-magic')
      if (all.takeVaruint() !== version) return all.refuse('ots-version-unknown')
      if (all.take(1)[0] !== sha256Tag) return all.refuse('ots-hash-unsupported')
      const digest = all.take(digestBytes).slice()
      return { digest, stamp: readItems(all, digest, 0) }
    }),
  )
  return read.ok ? { ok: true, file: read.value } : read
}

function operationBytes(operation: OtsOperation): Uint8Array {
  const tag = Uint8Array.of(operationTags[operation.kind])
  return 'argument' in operation ? concatBytes(tag, encodeVaruint(operation.argument.length), operation.argument) : tag
}

/** Writes a stamp in the order of its items. @throws RangeError for a stamp that says nothing: the format has no bytes for it */
export function writeStamp(stamp: OtsStamp): Uint8Array {
  if (stamp.length === 0) throw new RangeError('an empty stamp has no bytes')
  return concatBytes(
    ...stamp.flatMap((item, i) => [
      i < stamp.length - 1 ? Uint8Array.of(another) : new Uint8Array(0),
      ...('attestation' in item
        ? [attestationBytes(item.attestation)]
        : [operationBytes(item.operation), writeStamp(item.next)]),
    ]),
  )
}

/** Writes a detached timestamp file. @throws RangeError unless the digest has 32 bytes and the stamp says something */
export function writeOtsFile({ digest, stamp }: OtsFile): Uint8Array {
  if (digest.length !== digestBytes) throw new RangeError('a SHA-256 digest has 32 bytes')
  return concatBytes(magic, encodeVaruint(version), Uint8Array.of(sha256Tag), digest, writeStamp(stamp))
}
