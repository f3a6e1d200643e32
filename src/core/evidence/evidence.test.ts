import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { encodeEvidence, readEvidence } from './evidence.ts'
import { encodeTrustFile, readTrustFile, trustFingerprint } from './trust.ts'
import { verifyEvidence } from './verify-evidence.ts'

interface Case {
  readonly name: string
  readonly path: readonly (string | number)[]
  readonly value?: Json
  readonly check: string
  readonly code: string
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/evidence/evidence.json', import.meta.url), 'utf8'),
) as { readonly trust: Json; readonly evidence: Json; readonly cases: readonly Case[] }

const bytes = canonicalBytes(vectors.evidence)
const trustBytes = canonicalBytes(vectors.trust)
const trustRead = readTrustFile(trustBytes)
assert.ok(trustRead.ok)
const { trust } = trustRead
const verify = (candidate: Uint8Array) => verifyEvidence(candidate, { trust, cloneCheck: [], quorumTime: null })

function changed({ path, value }: Case): Uint8Array {
  const copy = structuredClone(vectors.evidence) as Record<string, unknown>
  let at: Record<string | number, unknown> = copy
  for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>
  const last = path.at(-1) as string
  if (value === undefined) delete at[last]
  else at[last] = value
  return canonicalBytes(copy as Json)
}

test('the evidence of the vectors is verified, and each of its changes meets its code', () => {
  const report = verify(bytes)
  assert.equal(report.verdict, 'verified', JSON.stringify(report.checks))
  for (const one of vectors.cases) {
    const first = verify(changed(one)).checks.find(({ outcome }) => outcome === 'fail')
    assert.deepEqual([first?.check, first?.code], [one.check, one.code], one.name)
  }
})

test('evidence is written as it is read, byte for byte', () => {
  const read = readEvidence(bytes)
  assert.ok(read.ok)
  assert.deepEqual(encodeEvidence(read.evidence), bytes)
})

test('a trust file has one form, and a fingerprint that people can read aloud', () => {
  assert.deepEqual(encodeTrustFile(trust), trustBytes)
  assert.match(trustFingerprint(trustBytes), /^(?:\d{5} ){7}\d{5}$/)
  const refusal = (changes: object) => {
    const read = readTrustFile(canonicalBytes({ ...trust, ...changes } as unknown as Json))
    return read.ok ? 'ok' : `${read.code} ${read.field ?? ''}`.trim()
  }
  assert.equal(refusal({}), 'ok')
  assert.equal(refusal({ v: 2 }), 'trust-unknown-version')
  assert.equal(refusal({ kind: 'governance-evidence' }), 'trust-unknown-version')
  assert.equal(refusal({ more: 1 }), 'unknown-field trust.more')
  assert.equal(refusal({ logKeys: [] }), 'malformed-field logKeys')
  assert.equal(refusal({ origin: 'other.example.org/decisions' }), 'malformed-field logKeys[0]')
  assert.equal(refusal({ root: trust.logKeys[0] }), 'malformed-field root')
  assert.equal(refusal({ genesisPolicy: 'x' }), 'malformed-field genesisPolicy')
  const spaced = readTrustFile(new TextEncoder().encode(JSON.stringify(vectors.trust, null, 1)))
  assert.equal(spaced.ok ? 'ok' : spaced.code, 'trust-not-canonical')
})
