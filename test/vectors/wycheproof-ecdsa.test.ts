import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex } from '../../src/core/bytes/hex.ts'
import { verifyEcdsa } from '../../src/core/crypto/ecdsa.ts'
import { parsePublicKey } from '../../src/core/crypto/public-key.ts'
import { sharedVector } from './shared-vectors.ts'

type Suite = {
  readonly numberOfTests: number
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string }
    readonly tests: readonly {
      readonly tcId: number
      readonly flags: readonly string[]
      readonly msg: string
      readonly sig: string
      readonly result: 'valid' | 'invalid' | 'acceptable'
    }[]
  }[]
}

/** Per flag: how many cases we accept and how many we refuse. No case is left out, none is "acceptable". */
const table: Readonly<Record<string, readonly [accepted: number, refused: number]>> = {
  ArithmeticError: [84, 22],
  EdgeCasePublicKey: [18, 0],
  EdgeCaseShamirMultiplication: [1, 0],
  IntegerOverflow: [0, 4],
  InvalidSignature: [0, 49],
  ModifiedInteger: [0, 1],
  ModularInverse: [15, 0],
  PointDuplication: [1, 6],
  RangeCheck: [0, 4],
  SignatureSize: [0, 10],
  SmallRandS: [6, 6],
  SpecialCaseHash: [54, 0],
  ValidSignature: [9, 0],
}

const { url, skip } = sharedVector('wycheproof/ecdsa_secp256k1_sha256_p1363_test.json')

test('Wycheproof: every ECDSA case over secp256k1 and SHA-256, counted by flag', { skip }, (t) => {
  const suite = JSON.parse(readFileSync(url, 'utf8')) as Suite
  const counted: Record<string, [number, number]> = {}
  let cases = 0
  for (const group of suite.testGroups) {
    // Some groups use keys of tiny secrets, which a registry refuses; the equation must be right for them too.
    const hex = group.publicKey.uncompressed
    const parsed = parsePublicKey(hex)
    const isOdd = Number.parseInt(hex.at(-1) as string, 16) % 2 === 1
    const compressed = `${isOdd ? '03' : '02'}${hex.slice(2, 66)}`
    assert.ok(parsed.ok ? parsed.compressedHex === compressed : parsed.code === 'published-test-key')
    for (const { tcId, flags, msg, sig, result } of group.tests) {
      const bytes = [compressed, msg, sig].map((text) => decodeHex(text) as Uint8Array)
      const { ok } = verifyEcdsa(bytes[0] as Uint8Array, bytes[1] as Uint8Array, bytes[2] as Uint8Array)
      assert.equal(ok, result === 'valid', `case ${tcId} (${flags.join(', ')})`)
      cases++
      for (const flag of flags) {
        const count = (counted[flag] ??= [0, 0])
        count[ok ? 0 : 1]++
      }
    }
  }
  assert.equal(cases, suite.numberOfTests)
  for (const [flag, [accepted, refused]] of Object.entries(counted)) {
    t.diagnostic(`${flag}: ${accepted} accepted, ${refused} refused`)
  }
  assert.deepEqual(counted, table)
})
