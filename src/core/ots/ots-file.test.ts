import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { sha256 } from '../crypto/sha256.ts'
import { mergeStamps } from './merge-stamps.ts'
import { encodeVaruint } from './ots-bytes.ts'
import { maxOtsBytes, readOtsFile, readStamp, writeOtsFile, writeStamp } from './ots-file.ts'
import { applyOperation, attestationsOf, type OtsAttestation, type OtsOperation, type OtsStamp } from './stamp.ts'
import { readBlockHeaders, verifyOts } from './verify-ots.ts'

/** The objects of a reader have the usual prototype. */
const plain = { noNullPrototype: true } as const
const digest = sha256(Uint8Array.of(1))
const head = '004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e8929401'
const pending = (uri: string): string => {
  const text = Buffer.from(uri).toString('hex')
  const size = Buffer.from(uri).length
  return `0083dfe30d2ef90c8e${encodeHex(encodeVaruint(size + encodeVaruint(size).length))}${encodeHex(encodeVaruint(size))}${text}`
}
const bitcoin = (payload: string): string =>
  `000588960d73d71901${(payload.length / 2).toString(16).padStart(2, '0')}${payload}`
const fileOf = (stamp: string): Uint8Array => decodeHex(`${head}08${encodeHex(digest)}${stamp}`) as Uint8Array
const codeOf = (bytes: Uint8Array): string => {
  const read = readOtsFile(bytes)
  return read.ok ? 'ok' : read.code
}

const operation: fc.Arbitrary<OtsOperation> = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom('append' as const, 'prepend' as const),
      argument: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constantFrom(
        'reverse' as const,
        'sha1' as const,
        'ripemd160' as const,
        'sha256' as const,
        'keccak256' as const,
      ),
    },
    plain,
  ),
)
const attestation: fc.Arbitrary<OtsAttestation> = fc.oneof(
  fc.record(
    { kind: fc.constant('pending' as const), uri: fc.stringMatching(/^https:\/\/[a-z0-9./:_-]{1,60}$/) },
    plain,
  ),
  fc.record({ kind: fc.constant('bitcoin' as const), height: fc.nat() }, plain),
  fc.record(
    {
      kind: fc.constant('unknown' as const),
      // Litecoin's, and any other that is not judged here.
      tag: fc.constantFrom('06869a0d73d71b45', '30fe8087b5c7ead7', '0000000000000000'),
      payload: fc.uint8Array({ maxLength: 200 }),
    },
    plain,
  ),
)
const stamps = fc.letrec<{ stamp: OtsStamp }>((tie) => ({
  stamp: fc
    .array(
      fc.oneof(
        { maxDepth: 6, withCrossShrink: true },
        fc.record({ attestation }, plain),
        fc.record({ operation, next: tie('stamp') }, plain),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((items) => mergeStamps(items, [])),
})).stamp

test('a timestamp that is written is read as it was, and a file that is read is written with the same bytes', () => {
  fc.assert(
    fc.property(stamps, (stamp) => {
      const bytes = writeOtsFile({ digest, stamp })
      fc.pre(bytes.length <= maxOtsBytes)
      const read = readOtsFile(bytes)
      assert.ok(read.ok)
      assert.deepEqual(read.file, { digest, stamp })
      assert.deepEqual(writeOtsFile(read.file), bytes)
    }),
  )
})

test('a merged timestamp says what either says, once, whichever comes first', () => {
  fc.assert(
    fc.property(stamps, stamps, (a, b) => {
      const merged = mergeStamps(a, b)
      assert.deepEqual(writeStamp(merged), writeStamp(mergeStamps(b, a)))
      assert.deepEqual(writeStamp(mergeStamps(merged, a)), writeStamp(merged))
      const said = (stamp: OtsStamp): string[] =>
        attestationsOf(stamp, digest).map((one) => `${encodeHex(one.message)} ${JSON.stringify(one.attestation)}`)
      assert.deepEqual(new Set(said(merged)), new Set([...said(a), ...said(b)]))
      assert.equal(new Set(said(merged)).size, said(merged).length)
    }),
  )
})

test('a timestamp that is cut or changed in one byte is refused or another timestamp, and nothing is thrown', () => {
  fc.assert(
    fc.property(stamps, fc.nat(), fc.integer({ min: 1, max: 255 }), (stamp, place, change) => {
      const bytes = writeOtsFile({ digest, stamp })
      fc.pre(bytes.length <= maxOtsBytes)
      assert.equal(readOtsFile(bytes.subarray(0, place % bytes.length)).ok, false)
      const changed = bytes.slice()
      changed[place % bytes.length] = (changed[place % bytes.length] as number) ^ change
      const read = readOtsFile(changed)
      if (read.ok) assert.deepEqual(writeOtsFile(read.file), changed)
    }),
  )
})

test('any bytes after a good head are judged by a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
      const read = readOtsFile(concatBytes(fileOf(''), tail))
      if (read.ok) assert.deepEqual(writeOtsFile(read.file), concatBytes(fileOf(''), tail))
    }),
    { numRuns: 2_000 },
  )
})

test('each rule of the format has its own code', () => {
  const good = pending('https://a.example')
  assert.equal(codeOf(fileOf(good)), 'ok')
  assert.equal(codeOf(fileOf(bitcoin('80897a'))), 'ok')
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['ots-too-large', concatBytes(fileOf(good), new Uint8Array(maxOtsBytes))],
    ['ots-bad-magic', new Uint8Array(0)],
    ['ots-bad-magic', fileOf(good).subarray(1)],
    ['ots-version-unknown', decodeHex(`${head.slice(0, -2)}0208${encodeHex(digest)}${good}`) as Uint8Array],
    ['ots-hash-unsupported', decodeHex(`${head}02${encodeHex(digest).slice(24)}${good}`) as Uint8Array],
    ['ots-truncated', fileOf('')],
    ['ots-truncated', fileOf('08')],
    ['ots-truncated', fileOf(`ff${good}`)],
    ['ots-trailing-bytes', fileOf(`${good}00`)],
    ['ots-number-malformed', fileOf(bitcoin('808000'))],
    ['ots-number-malformed', fileOf(bitcoin('ffffffffffffffff7f'))],
    ['ots-argument-length', fileOf(`f000${good}`)],
    ['ots-argument-length', fileOf(`f0${encodeHex(encodeVaruint(4097))}${'00'.repeat(4097)}${good}`)],
    ['ots-argument-length', fileOf(pending(`https://${'a'.repeat(1000)}`))],
    ['ots-operation-unknown', fileOf(`09${good}`)],
    ['ots-result-too-long', fileOf(`f0${encodeHex(encodeVaruint(4096))}${'00'.repeat(4096)}${good}`)],
    ['ots-result-too-long', fileOf(`${'f3'.repeat(8)}${good}`)],
    ['ots-too-deep', fileOf(`${'08'.repeat(256)}${good}`)],
    ['ots-attestation-malformed', fileOf(pending('https://a.example/?q'))],
    ['ots-attestation-malformed', fileOf(bitcoin('0100'))],
    ['ots-duplicate', fileOf(`ff${good}${good}`)],
    ['ots-duplicate', fileOf(`ff08${good}08${pending('https://b.example')}`)],
  ]
  for (const [code, bytes] of cases) assert.equal(codeOf(bytes), code)
  assert.equal(codeOf(fileOf(`${'08'.repeat(255)}${good}`)), 'ok')
})

test("a calendar's answer has its own bound", () => {
  const read = readStamp(new Uint8Array(10_001), digest)
  assert.deepEqual(read, { ok: false, code: 'ots-too-large' })
})

test('the worst file within the bounds is judged at once', () => {
  // Long messages, again and again, at no cost in bytes: a quarter of a gigabyte passes through the operations.
  const chain = (i: number): string =>
    `f0${encodeHex(encodeVaruint(2))}${i.toString(16).padStart(4, '0')}${'f2'.repeat(240)}${pending('')}`
  const fill = `f0${encodeHex(encodeVaruint(4000))}${'00'.repeat(4000)}`
  const chains = Array.from({ length: 230 }, (_, i) => chain(i))
  assert.equal(
    codeOf(fileOf(`${fill}${chains.map((one, i) => (i < chains.length - 1 ? `ff${one}` : one)).join('')}`)),
    'ok',
  )
})

test('an anchor is verified by a header that holds its digest, and by nothing else', () => {
  const root = applyOperation({ kind: 'sha256' }, digest) as Uint8Array
  const stamp: OtsStamp = [
    { attestation: { kind: 'pending', uri: 'https://a.example' } },
    {
      operation: { kind: 'sha256' },
      next: [
        { attestation: { kind: 'unknown', tag: '06869a0d73d71b45', payload: Uint8Array.of(1) } },
        { attestation: { kind: 'bitcoin', height: 100 } },
      ],
    },
  ]
  const time = 1_700_000_000
  const judged = (roots: Record<number, Uint8Array>) => {
    const report = verifyOts({ digest, stamp }, (height) => {
      const merkleRoot = roots[height]
      return merkleRoot === undefined ? null : { merkleRoot, time }
    })
    return [report.state, ...report.checks.map(({ outcome, code, at }) => code ?? `${outcome} ${at}`)]
  }
  const skipped = ['ots-pending', 'ots-attestation-unknown']
  assert.deepEqual(judged({}), ['unverified', ...skipped, 'ots-no-header'])
  assert.deepEqual(judged({ 99: root }), ['unverified', ...skipped, 'ots-no-header'])
  assert.deepEqual(judged({ 100: root }), ['verified', ...skipped, `pass ${time * 1000}`])
  assert.deepEqual(judged({ 100: digest }), ['invalid', ...skipped, 'ots-merkle-root-differs'])
  assert.deepEqual(judged({ 100: root.subarray(0, 31) }), ['invalid', ...skipped, 'ots-merkle-root-differs'])
})

test('a file of headers is read whole or not at all', () => {
  // Block 0 of Bitcoin, whose header, merkle root and time everybody knows.
  const genesis =
    '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c'
  const headers = readBlockHeaders(`# Bitcoin\n0 ${genesis}\n\n0 ${genesis}\n`)
  assert.equal(
    encodeHex(headers?.get(0)?.merkleRoot.toReversed() ?? new Uint8Array(0)),
    '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b',
  )
  assert.equal(headers?.get(0)?.time, 1_231_006_505)
  for (const text of [
    `0 ${genesis}00\n`,
    `00 ${genesis}\n`,
    `0  ${genesis}\n`,
    `0 ${genesis}\n0 ${genesis.replace(/^01/, '02')}\n`,
    'x\n',
  ])
    assert.equal(readBlockHeaders(text), undefined)
})
