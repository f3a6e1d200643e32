import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeBase64 } from '../bytes/base64.ts'
import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, signEd25519 } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/sha256.ts'
import {
  formatCheckpointBody,
  isLogOrigin,
  parseCheckpointBody,
  signCheckpoint,
  verifyCheckpoint,
} from './checkpoint.ts'
import { formatNoteSignature, formatSignedNote, openSignedNote, parseSignedNote } from './signed-note.ts'
import {
  formatVerifierKey,
  isNoteKeyName,
  noteVerifierKey,
  parseVerifierKey,
  type VerifierKey,
} from './verifier-key.ts'

const origin = 'gov.example.org/decisions'
const seed = sha256(encodeUtf8('log seed'))
const logKey = noteVerifierKey(origin, ed25519PublicKey(seed))
const witnessSeed = sha256(encodeUtf8('witness seed'))
const witnessKey = noteVerifierKey('witness.example.net/w1', ed25519PublicKey(witnessSeed))
const root = sha256(encodeUtf8('root'))
const note = signCheckpoint({ origin, size: 42, root }, seed)
const body = formatCheckpointBody({ origin, size: 42, root })
const signedBy = (key: VerifierKey, secret: Uint8Array, text = body): string =>
  formatNoteSignature(key, signEd25519(secret, encodeUtf8(text)))
const codeOf = (text: string | Uint8Array, keys = [logKey], expected = origin): string => {
  const check = verifyCheckpoint(text, expected, keys)
  return check.ok ? 'ok' : check.code
}
const signedText = (text: string): string => formatSignedNote(text, [signedBy(logKey, seed, text)])

test("the example of Go's note package opens, and its key line reads back", () => {
  const line = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  const key = parseVerifierKey(line)
  assert.ok(key)
  assert.equal(formatVerifierKey(key), line)
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
  const example = `${text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`
  const opened = openSignedNote(example, [key])
  assert.ok(opened.ok)
  assert.equal(opened.text, text)
  assert.equal(openSignedNote(example.replace('answer', 'ANSWER'), [key]).ok, false)
})

test('a signed checkpoint verifies, as text and as bytes, and gives back what was signed', () => {
  for (const form of [note, encodeUtf8(note)]) {
    const check = verifyCheckpoint(form, origin, [logKey])
    assert.ok(check.ok)
    assert.deepEqual(check.checkpoint, { origin, size: 42, root })
    assert.deepEqual(check.verified, [logKey])
  }
})

test('T40 one flipped bit anywhere in a checkpoint is refused', () => {
  const bytes = encodeUtf8(note)
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 4, 32, 128]) {
      assert.notEqual(codeOf(bytes.with(at, (bytes[at] as number) ^ bit)), 'ok', `byte ${at} bit ${bit}`)
    }
  }
})

test('no prefix of a checkpoint and no checkpoint with a tail is accepted', () => {
  for (let end = 0; end < note.length; end++) assert.notEqual(codeOf(note.slice(0, end)), 'ok')
  for (const tail of ['\n', ' ', 'x', '\n\n', '— ']) assert.notEqual(codeOf(note + tail), 'ok')
})

test('unknown keys are ignored; a known key with a bad signature refuses the whole note', () => {
  const goodLine = signedBy(logKey, seed)
  const strangers = formatSignedNote(body, [`— stranger ${encodeBase64(new Uint8Array(40))}\n`, goodLine])
  const opened = verifyCheckpoint(strangers, origin, [logKey])
  assert.ok(opened.ok)
  assert.equal(opened.unknown.length, 1)
  const badWitness = formatSignedNote(body, [goodLine, signedBy(witnessKey, seed)])
  assert.equal(codeOf(badWitness, [logKey]), 'ok')
  assert.equal(codeOf(badWitness, [logKey, witnessKey]), 'note-bad-signature')
  const goodThenBad = formatSignedNote(body, [goodLine, signedBy(logKey, witnessSeed)])
  assert.equal(codeOf(goodThenBad), 'note-bad-signature')
  const both = formatSignedNote(body, [goodLine, signedBy(witnessKey, witnessSeed), goodLine])
  const verified = verifyCheckpoint(both, origin, [logKey, witnessKey])
  assert.ok(verified.ok)
  assert.deepEqual(verified.verified, [logKey, witnessKey])
})

test('a line with the name of the log and a foreign key id is unknown, not bad', () => {
  const impostor = noteVerifierKey(origin, ed25519PublicKey(witnessSeed))
  assert.equal(codeOf(formatSignedNote(body, [signedBy(impostor, witnessSeed)])), 'note-no-known-key')
  assert.equal(codeOf(formatSignedNote(body, [signedBy(impostor, witnessSeed), signedBy(logKey, seed)])), 'ok')
})

test('only a key named like the origin speaks for the log', () => {
  const witnessed = formatSignedNote(body, [signedBy(witnessKey, witnessSeed)])
  assert.equal(codeOf(witnessed, [logKey, witnessKey]), 'checkpoint-not-signed-by-log')
  assert.equal(codeOf(note, [logKey], 'gov.example.org/security'), 'checkpoint-wrong-origin')
  const other = 'gov.example.org/other'
  const foreign = formatCheckpointBody({ origin: other, size: 42, root })
  const signedForeign = formatSignedNote(foreign, [signedBy(logKey, seed, foreign)])
  assert.equal(codeOf(signedForeign), 'checkpoint-wrong-origin')
  assert.equal(codeOf(signedForeign, [logKey], other), 'checkpoint-not-signed-by-log')
})

test('the blank line that counts is the last one', () => {
  const text = 'first\n\nsecond\n'
  const opened = openSignedNote(formatSignedNote(text, [signedBy(logKey, seed, text)]), [logKey])
  assert.ok(opened.ok)
  assert.equal(opened.text, text)
  const hidden = note + `\n${signedBy(witnessKey, witnessSeed)}`
  assert.equal(codeOf(hidden, [logKey, witnessKey]), 'note-bad-signature')
})

test('bodies that mean a state in another way are refused though signed', () => {
  const rootText = encodeBase64(root)
  const bodies: readonly (readonly [string, string])[] = [
    [`${origin}\n42\n${rootText}\nextension\n`, 'checkpoint-extension'],
    [`${origin}\n042\n${rootText}\n`, 'checkpoint-size-invalid'],
    [`${origin}\n+42\n${rootText}\n`, 'checkpoint-size-invalid'],
    [`${origin}\n-1\n${rootText}\n`, 'checkpoint-size-invalid'],
    [`${origin}\n4.2e1\n${rootText}\n`, 'checkpoint-size-invalid'],
    [`${origin}\n9007199254740992\n${rootText}\n`, 'checkpoint-size-invalid'],
    [`${origin}\n18446744073709551615\n${rootText}\n`, 'checkpoint-size-invalid'],
    [`${origin}\n42\n${rootText.slice(0, -1)}\n`, 'checkpoint-root-invalid'],
    [`${origin}\n42\n${encodeBase64(root.subarray(1))}\n`, 'checkpoint-root-invalid'],
    [`${origin}\n42\n\n`, 'checkpoint-root-invalid'],
    [`${origin}\n42\n`, 'checkpoint-malformed'],
    [`https://${origin}\n42\n${rootText}\n`, 'checkpoint-malformed'],
    [`gov.example.org\n42\n${rootText}\n`, 'checkpoint-malformed'],
  ]
  for (const [text, code] of bodies) assert.equal(codeOf(signedText(text)), code, text)
})

test('notes that are not well formed are refused by name', () => {
  const parseCode = (text: string | Uint8Array): string => {
    const parsed = parseSignedNote(text)
    return parsed.ok ? 'ok' : parsed.code
  }
  const line = signedBy(logKey, seed)
  assert.equal(parseCode(note), 'ok')
  assert.equal(parseCode(body), 'note-no-signatures')
  assert.equal(parseCode(`${body}\n`), 'note-no-signatures')
  assert.equal(parseCode(note.slice(0, -1)), 'note-signature-malformed')
  assert.equal(parseCode(note.replace('— ', '- ')), 'note-signature-malformed')
  assert.equal(parseCode(note.replaceAll('\n', '\r\n')), 'note-control-character')
  assert.equal(parseCode(`${body}\n— a+b ${encodeBase64(new Uint8Array(8))}\n`), 'note-signature-malformed')
  assert.equal(parseCode(`${body}\n— a ${encodeBase64(new Uint8Array(4))}\n`), 'note-signature-malformed')
  assert.equal(parseCode(`${body}\n${line.repeat(100)}`), 'ok')
  assert.equal(parseCode(`${body}\n${line.repeat(101)}`), 'note-too-many-signatures')
  assert.equal(parseCode('x'.repeat(65_537)), 'note-too-large')
  assert.equal(parseCode('é'.repeat(40_000)), 'note-too-large')
  assert.equal(parseCode(concatBytes(Uint8Array.of(0xff), encodeUtf8(note))), 'note-not-utf8')
  assert.equal(parseCode(`\ud800${note}`), 'note-not-utf8')
})

test('checkpoint bodies read back what they wrote, one text per state', () => {
  const roots = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(fc.maxSafeNat(), roots, (size, hash) => {
      const text = formatCheckpointBody({ origin, size, root: hash })
      assert.deepEqual(parseCheckpointBody(text), { ok: true, checkpoint: { origin, size, root: hash } })
    }),
  )
  assert.throws(() => formatCheckpointBody({ origin, size: -1, root }), RangeError)
  assert.throws(() => formatCheckpointBody({ origin, size: 1, root: root.subarray(1) }), RangeError)
  assert.throws(() => formatCheckpointBody({ origin: 'https://x/y', size: 1, root }), RangeError)
})

test('origins are host and path without scheme', () => {
  for (const text of ['a/b', 'gov.example.org/decisions', 'localhost:8080/x/y_z', '127.0.0.1/log'])
    assert.ok(isLogOrigin(text), text)
  const refused = [
    '',
    'a',
    'a/',
    '/a',
    'A/b',
    'http://a/b',
    'a /b',
    'a/b\n',
    'a//b',
    'a/../b',
    '-a/b',
    'a/b+c',
    `a/${'b'.repeat(300)}`,
  ]
  for (const text of refused) assert.ok(!isLogOrigin(text), text)
})

test('key lines with a wrong id, type, point or name are refused', () => {
  const line = formatVerifierKey(logKey)
  assert.deepEqual(parseVerifierKey(line), logKey)
  const encode = (type: number, key: Uint8Array): string => encodeBase64(concatBytes(Uint8Array.of(type), key))
  assert.equal(parseVerifierKey(line.replace(logKey.keyId, '00000000')), undefined)
  assert.equal(parseVerifierKey(`x${line}`), undefined)
  assert.equal(parseVerifierKey(`${origin}+${logKey.keyId}+${encode(4, logKey.publicKey)}`), undefined)
  assert.equal(parseVerifierKey(`${origin}+${logKey.keyId}+${encode(1, new Uint8Array(32))}`), undefined)
  assert.equal(parseVerifierKey(`${origin}+${logKey.keyId}`), undefined)
  for (const name of ['', 'a b', 'a+b', 'a\n', 'a\u0085', 'a\u00a0b', '\ud800']) {
    assert.equal(isNoteKeyName(name), false)
    assert.throws(() => noteVerifierKey(name, logKey.publicKey), RangeError)
  }
  assert.throws(() => noteVerifierKey(origin, decodeHex('00'.repeat(32)) as Uint8Array), RangeError)
})
