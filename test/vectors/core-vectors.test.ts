import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CanonicalJsonError, canonicalize } from '../../src/core/bytes/canonical-json.ts'
import { decodeHex, encodeHex } from '../../src/core/bytes/hex.ts'
import { parseJsonStrict } from '../../src/core/bytes/json-strict.ts'
import { encodeUtf8 } from '../../src/core/bytes/utf8.ts'
import { decodeEcdsaSignature } from '../../src/core/crypto/ecdsa-encoding.ts'
import { parsePublicKey } from '../../src/core/crypto/public-key.ts'
import { isSignatureScheme, verifySignature } from '../../src/core/crypto/signature-schemes.ts'
import { verifyCheckpoint } from '../../src/core/log/checkpoint.ts'
import { formatWitnessKey, parseWitnessKey, verifyCosignatures } from '../../src/core/log/cosignature.ts'
import { decodeEntry, encodeEntry } from '../../src/core/log/entry.ts'
import { rootOfLeaves } from '../../src/core/log/frontier.ts'
import { decodeLogProof, encodeLogProof, verifyLogProof } from '../../src/core/log/log-proof.ts'
import { treeHasher } from '../../src/core/log/tree-hash.ts'
import { parseVerifierKey } from '../../src/core/log/verifier-key.ts'
import { meetsQuorum, parseWitnessPolicy } from '../../src/core/log/witness-policy.ts'

const read = <T>(path: string): T =>
  JSON.parse(readFileSync(new URL(`../../spec/vectors/${path}`, import.meta.url), 'utf8')) as T
const bytesOf = (hex: string): Uint8Array => decodeHex(hex) as Uint8Array
type Case = { readonly name: string; readonly expect: string }

/** A table of cases must hold both kinds, and no name twice. */
function checked<T extends Case>(cases: readonly T[]): readonly T[] {
  assert.ok(cases.some(({ expect }) => expect === 'ok') && cases.some(({ expect }) => expect !== 'ok'))
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
  return cases
}

test('spec/vectors/bytes/strict-json.json', () => {
  type JsonCase = Case & { text?: string; hex?: string; offset?: number; canonical?: string }
  const file = read<{ maxBytes: number; maxDepth: number; cases: JsonCase[] }>('bytes/strict-json.json')
  for (const { name, text, hex, expect, offset, canonical } of checked(file.cases)) {
    const inputs = text === undefined ? [bytesOf(hex as string)] : [text, encodeUtf8(text)]
    for (const input of inputs) {
      const parsed = parseJsonStrict(input, file)
      if (parsed.ok) assert.deepEqual([expect, canonicalize(parsed.value)], ['ok', canonical], name)
      else assert.deepEqual([parsed.code, parsed.offset], [expect, offset], name)
    }
  }
})

const canonicalCode = (value: string | number): string => {
  try {
    canonicalize(value)
    return 'ok'
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error.code
    throw error
  }
}

test('spec/vectors/bytes/canonical-json.json', () => {
  const file = read<{
    numbers: { bits: string; expect: string; text?: string }[]
    values: { name: string; text: string; canonical: string }[]
    texts: (Case & { units: number[] })[]
  }>('bytes/canonical-json.json')
  for (const { bits, expect, text } of file.numbers) {
    const number = new DataView(bytesOf(bits).buffer).getFloat64(0)
    assert.equal(canonicalCode(number), expect, bits)
    if (expect === 'ok') assert.equal(canonicalize(number), text, bits)
  }
  for (const { name, text, canonical } of file.values) {
    for (const input of [text, canonical]) {
      const parsed = parseJsonStrict(input, { maxBytes: 10_000, maxDepth: 16 })
      assert.ok(parsed.ok, name)
      assert.equal(canonicalize(parsed.value), canonical, name)
    }
  }
  for (const { name, units, expect } of checked(file.texts)) {
    assert.equal(canonicalCode(String.fromCharCode(...units)), expect, name)
  }
})

test('spec/vectors/crypto/ecdsa-secp256k1-v1.json', () => {
  type SignatureCase = Case & { signature: string; message?: string; publicKey?: string; compact?: string }
  const file = read<{ message: string; publicKey: string; cases: SignatureCase[] }>('crypto/ecdsa-secp256k1-v1.json')
  for (const { name, signature, expect, compact, ...changed } of checked(file.cases)) {
    const { message, publicKey } = { ...file, ...changed }
    const check = verifySignature('ecdsa-secp256k1-v1', bytesOf(publicKey), bytesOf(message), bytesOf(signature))
    assert.equal(check.ok ? 'ok' : check.code, expect, name)
    const decoded = decodeEcdsaSignature(bytesOf(signature))
    if (compact !== undefined) assert.equal(decoded.ok && encodeHex(decoded.compact), compact, name)
  }
})

test('spec/vectors/crypto/public-key.json', () => {
  type KeyCase = Case & { text: string; scheme: string; compressed?: string; keyid?: string }
  for (const vector of checked(read<{ cases: KeyCase[] }>('crypto/public-key.json').cases)) {
    assert.ok(isSignatureScheme(vector.scheme))
    const parsed = parsePublicKey(vector.text, vector.scheme)
    assert.equal(parsed.ok ? 'ok' : parsed.code, vector.expect, vector.name)
    if (parsed.ok)
      assert.deepEqual([parsed.compressedHex, parsed.keyid], [vector.compressed, vector.keyid], vector.name)
  }
})

test('spec/vectors/log/tree.json', () => {
  const file = read<{ entries: string[]; roots: string[] }>('log/tree.json')
  const hasher = treeHasher()
  assert.equal(file.roots.length, file.entries.length + 1)
  for (const [size, root] of file.roots.entries()) {
    const leaves = file.entries.slice(0, size).map((hex) => hasher.leaf(bytesOf(hex)))
    assert.equal(encodeHex(rootOfLeaves(leaves, hasher)), root, `size ${size}`)
  }
})

test('spec/vectors/log/cosignature.json', () => {
  type NoteCase = Case & { note: string; cosignatures?: [string, number][] }
  const file = read<{ keys: string[]; cases: NoteCase[] }>('log/cosignature.json')
  const keys = file.keys.map((line) => {
    const key = parseWitnessKey(line)
    assert.ok(key, line)
    assert.equal(formatWitnessKey(key), line)
    return key
  })
  for (const { name, note, expect, cosignatures } of checked(file.cases)) {
    const check = verifyCosignatures(note, keys)
    assert.equal(check.ok ? 'ok' : check.code, expect, name)
    if (check.ok) {
      const found = check.cosignatures.map(({ key, time }) => [key.name, time])
      assert.deepEqual(found, cosignatures, name)
    }
  }
})

test('spec/vectors/log/witness-policy.json', () => {
  type PolicyCase = {
    name: string
    policy: string
    expect: 'ok' | [number, string][]
    meets?: string[][]
    lacks?: string[][]
  }
  const { cases } = read<{ cases: PolicyCase[] }>('log/witness-policy.json')
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
  for (const { name, policy, expect, meets = [], lacks = [] } of cases) {
    const parsed = parseWitnessPolicy(policy)
    assert.deepEqual(parsed.ok ? 'ok' : parsed.faults.map(({ line, code }) => [line, code]), expect, name)
    if (!parsed.ok) continue
    for (const names of meets) assert.equal(meetsQuorum(parsed.policy, names), true, `${name}: ${names}`)
    for (const names of lacks) assert.equal(meetsQuorum(parsed.policy, names), false, `${name}: ${names}`)
  }
})

test('spec/vectors/log/log-proof.json', () => {
  type ProofCase = Case & { entry: string; proof: string; index?: number }
  const file = read<{ origin: string; log: string; policy: string; cases: ProofCase[] }>('log/log-proof.json')
  const logKey = parseVerifierKey(file.log)
  const policy = parseWitnessPolicy(file.policy)
  assert.ok(logKey !== undefined && policy.ok)
  const trust = { origin: file.origin, logKeys: [logKey], witnessPolicy: policy.policy }
  const hasher = treeHasher()
  for (const { name, entry, proof, expect, index } of checked(file.cases)) {
    const check = verifyLogProof(proof, hasher.leaf(encodeUtf8(entry)), trust, hasher)
    assert.equal(check.ok ? 'ok' : check.code, expect, name)
    if (check.ok) assert.equal(check.index, index, name)
    const decoded = decodeLogProof(encodeUtf8(proof))
    if (decoded.ok) assert.equal(encodeLogProof(decoded.proof), proof, name)
  }
})

test('spec/vectors/log/checkpoint.json', () => {
  type NoteCase = Case & { note: string; size?: number; root?: string }
  const file = read<{ origin: string; keys: string[]; cases: NoteCase[] }>('log/checkpoint.json')
  const keys = file.keys.map((line) => {
    const key = parseVerifierKey(line)
    assert.ok(key, line)
    return key
  })
  for (const { name, note, expect, size, root } of checked(file.cases)) {
    const check = verifyCheckpoint(note, file.origin, keys)
    assert.equal(check.ok ? 'ok' : check.code, expect, name)
    if (check.ok) assert.deepEqual([check.checkpoint.size, encodeHex(check.checkpoint.root)], [size, root], name)
  }
})

test('spec/vectors/log/entry.json', () => {
  type EntryCase = Case & { text: string; leafHash?: string }
  for (const { name, text, expect, leafHash } of checked(read<{ cases: EntryCase[] }>('log/entry.json').cases)) {
    const decoded = decodeEntry(encodeUtf8(text))
    assert.equal(decoded.ok ? 'ok' : decoded.code, expect, name)
    if (!decoded.ok) continue
    const encoded = encodeEntry(decoded.entry)
    assert.equal(encoded.ok && encodeHex(encoded.leafHash), leafHash, name)
  }
})
