import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, signEd25519 } from '../crypto/ed25519.ts'
import { asSha256 } from '../ids.ts'
import { type Checkpoint, signCheckpoint } from '../log/checkpoint.ts'
import { formatLogBreak } from '../log/log-break.ts'
import { rootKeyName } from '../log/log-key.ts'
import { formatNoteSignature, formatSignedNote } from '../log/signed-note.ts'
import { formatVerifierKey, noteVerifierKey, type VerifierKey } from '../log/verifier-key.ts'
import { followLogEras, eraOfSize } from './log-eras.ts'
import type { TypedEntry } from './read-entry.ts'
import { encodeTrustFile, readTrustFile, type TrustFile } from './trust.ts'

const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const [old, next, rootSeed, stranger] = [seed(1), seed(2), seed(3), seed(4)]
const oldOrigin = 'gov.example.org/decisions'
const newOrigin = 'gov.example.org/decisions-2'
const line = (name: string, secret: Uint8Array): string => formatVerifierKey(keyOf(name, secret))
const keyOf = (name: string, secret: Uint8Array): VerifierKey => noteVerifierKey(name, ed25519PublicKey(secret))

const trust: TrustFile = {
  v: 1,
  kind: 'governance-trust',
  origin: newOrigin,
  logKeys: [line(newOrigin, next)],
  root: null,
  witnessPolicy: null,
  genesisPolicy: asSha256('ab'.repeat(32)),
  before: [{ origin: oldOrigin, logKeys: [line(oldOrigin, old)], root: line(rootKeyName(oldOrigin), rootSeed) }],
}

interface Changes {
  readonly signer?: Uint8Array
  readonly nextKey?: VerifierKey
  readonly broken?: Checkpoint
  readonly checkpoint?: Checkpoint
  readonly recovered?: Checkpoint
  readonly index?: number
}

const head = (size: number, byte = size, origin = oldOrigin): Checkpoint => ({ origin, size, root: seed(byte) })

/** A log whose entry 7 breaks it; its newest head known outside is of size 9. */
function entries(changes: Changes = {}): readonly TypedEntry[] {
  const { signer = rootSeed, nextKey = keyOf(newOrigin, next), broken = head(9), index = 7 } = changes
  const { checkpoint = broken, recovered = head(index) } = changes
  const text = formatLogBreak({ old: broken, next: nextKey, reason: 'the machine came back from a snapshot' })
  const signature = formatNoteSignature(
    keyOf(rootKeyName(broken.origin), signer),
    signEd25519(signer, encodeUtf8(text)),
  )
  const common = { id: '', at: 0, actor: { kind: 'operator' }, subject: { kind: 'deployment' } }
  const genesis = { origin: oldOrigin, logKey: encodeHex(ed25519PublicKey(old)) }
  const data = {
    root: line(rootKeyName(oldOrigin), signer),
    break: formatSignedNote(text, [signature]),
    checkpoint: signCheckpoint(checkpoint, old),
    recovered: signCheckpoint(recovered, old),
  }
  return [
    { ...common, index: 0, type: 'genesis', data: genesis },
    { ...common, index, type: 'log-broken', data },
  ] as unknown as readonly TypedEntry[]
}

const codeOf = (changes: Changes, believed: TrustFile | null = trust): string => {
  const followed = followLogEras(believed, entries(changes))
  return followed.ok ? 'ok' : followed.code
}

test('a break of the old root divides a log into two eras, each with its origin and keys', () => {
  const followed = followLogEras(trust, entries())
  assert.ok(followed.ok)
  const origins = [1, 7, 8, 100].map((size) => eraOfSize(followed.eras, size).origin)
  assert.deepEqual(origins, [oldOrigin, oldOrigin, newOrigin, newOrigin])
  assert.deepEqual(
    eraOfSize(followed.eras, 8).spans.map(({ key }) => formatVerifierKey(key)),
    trust.logKeys,
  )
  assert.equal(codeOf({ broken: head(7) }), 'ok', 'nothing was lost')
})

test('T47 a break that anybody but the old root made, or that says another thing, begins no era', () => {
  assert.equal(codeOf({ signer: stranger }), 'log-break-not-signed-by-root')
  assert.equal(codeOf({ signer: old }), 'log-break-not-signed-by-root', 'the key of the log is not its root')
  assert.equal(codeOf({ nextKey: keyOf(newOrigin, stranger) }), 'log-break-for-another-key')
  assert.equal(codeOf({ broken: head(9, 9, 'other.example.org/log') }), 'log-break-wrong-origin')
  assert.equal(codeOf({ checkpoint: head(9, 8) }), 'log-break-wrong-checkpoint')
  assert.equal(codeOf({ recovered: head(6) }), 'log-break-prefix-unproven', 'not exactly what stands before')
  assert.equal(codeOf({ broken: head(5) }), 'log-break-prefix-unproven', 'more than anybody knew')
  assert.equal(codeOf({ broken: head(7, 8) }), 'log-break-prefix-unproven', 'another history of that size')
  assert.equal(codeOf({ signer: stranger }, null), 'ok', 'without trust the log contradicts itself in nothing')
})

test('a trust file knows exactly the breaks of its log, and an old one says that it is too old', () => {
  const { before: _before, ...now } = trust
  assert.equal(codeOf({}, { ...now, origin: oldOrigin, logKeys: [line(oldOrigin, old)] }), 'log-broken')
  const unbroken = followLogEras(trust, entries().slice(0, 1))
  assert.equal(unbroken.ok ? 'ok' : unbroken.code, 'log-break-missing')
  assert.deepEqual(readTrustFile(encodeTrustFile(trust)), { ok: true, trust })
  const [first] = trust.before ?? []
  assert.ok(first)
  for (const before of [[], [first, first], [{ ...first, origin: newOrigin }], [{ ...first, logKeys: [] }]])
    assert.throws(() => encodeTrustFile({ ...trust, before }), RangeError)
})
