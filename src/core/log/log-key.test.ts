import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, signEd25519 } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/sha256.ts'
import { signCheckpoint } from './checkpoint.ts'
import { formatLogBreak, parseLogBreak } from './log-break.ts'
import { followLogKeys, formatLogKeyClaim, keysOfSize, parseLogKeyClaim, rootKeyName, verifyHead } from './log-key.ts'
import { formatNoteSignature, formatSignedNote } from './signed-note.ts'
import { noteVerifierKey } from './verifier-key.ts'

const origin = 'gov.example.org/decisions'
const named = (name: string, words: string) => {
  const seed = sha256(encodeUtf8(words))
  const key = noteVerifierKey(name, ed25519PublicKey(seed))
  const sign = (text: string): string => formatNoteSignature(key, signEd25519(seed, encodeUtf8(text)))
  return { seed, key, sign }
}
const root = named(rootKeyName(origin), 'root')
const [first, second, third] = ['one', 'two', 'three'].map((words) => named(origin, words)) as [
  ReturnType<typeof named>,
  ReturnType<typeof named>,
  ReturnType<typeof named>,
]
const claimOf = (generation: number, key = first.key, fromSize = generation === 1 ? 0 : generation * 10): string =>
  formatLogKeyClaim({ origin, generation, key, fromSize })
const certificate = (text: string, ...signers: readonly ReturnType<typeof named>[]): string =>
  formatSignedNote(
    text,
    signers.map(({ sign }) => sign(text)),
  )

const one = certificate(claimOf(1), root)
const two = certificate(claimOf(2, second.key), first, root)
const three = certificate(claimOf(3, third.key), second, root)
const codeOf = (
  notes: readonly string[],
  trusted = [first.key],
  rootKey: typeof root.key | null = root.key,
): string => {
  const chain = followLogKeys(
    origin,
    trusted,
    rootKey,
    notes.map((note) => ({ note, entry: null })),
  )
  return chain.ok ? 'ok' : chain.code
}

test('a claim reads back as exactly one text, which no checkpoint can be', () => {
  const text = claimOf(2, second.key)
  assert.deepEqual(parseLogKeyClaim(text), { origin, generation: 2, key: second.key, fromSize: 20 })
  for (const other of [
    ` ${text}`,
    `${text}\n`,
    text.replace('\n2\n', '\n02\n'),
    text.replace(' v1', ' v2'),
    text.slice(0, -1),
  ])
    assert.equal(parseLogKeyClaim(other), undefined)
  assert.throws(() => claimOf(0), RangeError)
  assert.throws(() => formatLogKeyClaim({ origin, generation: 2, key: second.key, fromSize: 0 }), RangeError)
  assert.throws(() => claimOf(1, named('other.example.org/log', 'x').key), RangeError)
})

test('each key of a chain signs its own span of sizes, from the entry that holds its certificate', () => {
  const certificates = [
    { note: one, entry: 4 },
    { note: two, entry: 25 },
    { note: three, entry: 40 },
  ]
  const chain = followLogKeys(origin, [first.key], root.key, certificates)
  assert.ok(chain.ok)
  const signers = (size: number) => keysOfSize(chain.spans, size).map(({ keyId }) => keyId)
  assert.deepEqual(signers(1), [first.key.keyId])
  assert.deepEqual(signers(25), [first.key.keyId])
  assert.deepEqual(signers(26), [second.key.keyId])
  assert.deepEqual(signers(41), [third.key.keyId])
  const uncertified = followLogKeys(origin, [first.key], null, [])
  assert.ok(uncertified.ok && keysOfSize(uncertified.spans, 9)[0] === first.key)
})

test('T46 a head is opened by the key of its size alone: not by the one before, not by the one after, not by a stranger', () => {
  const certificates = [
    { note: one, entry: 4 },
    { note: two, entry: 25 },
  ]
  const chain = followLogKeys(origin, [first.key], root.key, certificates)
  assert.ok(chain.ok)
  const opened = (size: number, { seed }: ReturnType<typeof named>): string => {
    const head = verifyHead(signCheckpoint({ origin, size, root: sha256(encodeUtf8('r')) }, seed), origin, chain.spans)
    return head.ok ? 'ok' : head.code
  }
  assert.deepEqual([opened(25, first), opened(26, second)], ['ok', 'ok'])
  assert.deepEqual([opened(26, first), opened(25, second)], ['log-key-wrong-size', 'log-key-wrong-size'])
  assert.deepEqual([opened(26, third), opened(26, root)], ['note-no-known-key', 'note-no-known-key'])
  const elsewhere = signCheckpoint(
    { origin: 'else.example.org/log', size: 9, root: sha256(encodeUtf8('r')) },
    first.seed,
  )
  assert.ok(!verifyHead(elsewhere, origin, chain.spans).ok)
})

test('a chain is refused for each signature, step, origin and key that is not its own', () => {
  assert.equal(codeOf([one, two, three]), 'ok')
  assert.equal(codeOf([one, two, three], [second.key]), 'ok')
  assert.equal(codeOf([one], [first.key], null), 'log-key-root-missing')
  assert.equal(codeOf([one, certificate(claimOf(2, second.key), root)]), 'log-key-not-signed-by-predecessor')
  assert.equal(codeOf([one, certificate(claimOf(2, second.key), first)]), 'log-key-not-signed-by-root')
  assert.equal(codeOf([certificate(claimOf(1), first)]), 'log-key-not-signed-by-root')
  assert.equal(codeOf([one, three]), 'log-key-chain-broken')
  assert.equal(codeOf([two]), 'log-key-chain-broken')
  assert.equal(
    codeOf([certificate(claimOf(1, second.key), root)]),
    'log-key-chain-broken',
    'the root alone replaces no key',
  )
  assert.equal(codeOf([one.replace('v1', 'v9')]), 'log-key-malformed')
  assert.equal(
    codeOf([signCheckpoint({ origin, size: 4, root: sha256(encodeUtf8('r')) }, first.seed)]),
    'log-key-malformed',
  )
  const elsewhere = 'else.example.org/log'
  const foreign = named(elsewhere, 'one')
  const text = formatLogKeyClaim({ origin: elsewhere, generation: 1, key: foreign.key, fromSize: 0 })
  assert.equal(codeOf([certificate(text, root)]), 'log-key-wrong-origin')
  const early = followLogKeys(origin, [first.key], root.key, [
    { note: one, entry: 4 },
    { note: two, entry: 18 },
  ])
  assert.ok(!early.ok && early.code === 'log-key-chain-broken', 'a key takes over no earlier than it was asked for')
})

test('a break names the old head, the new log and a reason, and never goes on under the old origin', () => {
  const old = { origin, size: 7, root: sha256(encodeUtf8('root')) }
  const next = named('gov.example.org/decisions-2', 'next').key
  const text = formatLogBreak({ old, next, reason: 'The disk and its copy were lost together.' })
  assert.deepEqual(parseLogBreak(text), { old, next, reason: 'The disk and its copy were lost together.' })
  for (const other of [text.slice(0, -1), `${text}\n`, text.replace('\n7\n', '\n07\n'), text.replace('lost', 'lost\t')])
    assert.equal(parseLogBreak(other), undefined)
  assert.throws(() => formatLogBreak({ old, next: first.key, reason: 'The same origin is a fork of it.' }), RangeError)
  assert.throws(() => formatLogBreak({ old, next, reason: 'short' }), RangeError)
})
