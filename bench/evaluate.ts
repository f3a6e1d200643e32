import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { classify, evaluate, type Facts, type PolicyV1 } from '../src/core/index.ts'
import { day, facts, file, inForce, keyring, nodeAcceleration, policy, record } from '../test/fakes/governed-change.ts'
import type { Bench, Outcome } from './outcome.ts'

const fileCount = 300
const signers = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })

/** Processor time of this thread: what other processes of the machine take does not count. */
function threadMicroseconds(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** A running mean of the processor time of one call; long rounds, since the kernel counts this time in milliseconds. */
function meter(callsPerRound: number, run: (i: number) => void): { round(): void; mean(): number } {
  let spent = 0
  let calls = 0
  for (let i = 0; i < callsPerRound; i++) run(i)
  return {
    round() {
      const startedAt = threadMicroseconds()
      for (let i = 0; i < callsPerRound; i++) run(i)
      spent += threadMicroseconds() - startedAt
      calls += callsPerRound
    },
    mean: () => spent / calls,
  }
}

/** Runs the meters by turns, so that whatever slows the machine slows each of them. */
function byTurns(rounds: number, meters: readonly { round(): void }[]): void {
  for (let round = 0; round < rounds; round++) for (const one of meters) one.round()
}

const namedFiles = (count: number) =>
  Array.from({ length: count }, (_, i) => `${i % 3 === 0 ? 'docs' : 'src/module'}-${i % 17}/part-${i}/file-${i}.ts`)
    .sort()
    .map((path) => file(path))

/** A change of layer 1 with all seven signatures of its set, on the day on which it passes. */
function signedChange(): { readonly of: Facts; readonly approvals: Parameters<typeof evaluate>[0]['approvals'] } {
  const spec = { id: facts().repository.id, name: 'acme/spec', private: false }
  const of = facts({ repository: spec, files: namedFiles(fileCount) })
  return { of, approvals: signers.map((login) => record(of, login)) }
}

function evaluation(isQuick: boolean): Outcome {
  const { of, approvals } = signedChange()
  // Each decision reads its facts anew, so no two evaluations of one round share an object.
  const fresh = Array.from({ length: 50 }, () => ({ ...of, files: of.files.map((one) => ({ ...one })) }))
  const judge = (i: number): void => {
    const verdict = evaluate(
      { policy: inForce(policy), facts: fresh[i % fresh.length] ?? of, approvals, keyring, at: day(200) },
      nodeAcceleration,
    )
    if (verdict.counted[0]?.persons.length !== signers.length) throw new Error('not every approval counts')
  }
  const message = createHash('sha256').update('bench').digest()
  const signature = sign('sha256', message, privateKey)
  const verifyOne = (): void => {
    if (!verify('sha256', message, publicKey, signature)) throw new Error('the signature does not verify')
  }
  const own = meter(500, judge)
  const other = meter(500, verifyOne)
  byTurns(isQuick ? 3 : 12, [own, other])
  const [ours, theirs] = [own.mean(), other.mean()]
  const ratio = ours / theirs
  return {
    name: `evaluate, ${fileCount} files, ${signers.length} approvals`,
    ours: `${ours.toFixed(0)} µs`,
    against: `one ECDSA verification ${theirs.toFixed(0)} µs`,
    ratio: `${ratio.toFixed(2)} ×`,
    bar: '≤ 1 ×',
    isMet: ratio <= 1,
  }
}

/** A policy whose `acme/node` has so many patterns, in ten rules. */
function policyWith(patterns: number): PolicyV1 {
  const perRule = patterns / 10
  const rules = Array.from({ length: 10 }, (_, rule) => ({
    tier: (['1', '2', '3'] as const)[rule % 3] ?? '1',
    patterns: Array.from({ length: perRule }, (_, i) => `src/module-${rule}/**/file-${rule * perRule + i}*.ts`),
    excludes: [`src/module-${rule}/generated/**`],
    keywords: [],
    markers: [],
  }))
  return { ...policy, classification: { ...policy.classification, rules } }
}

function classification(isQuick: boolean): Outcome[] {
  const meterOf = (files: number, patterns: number, calls: number): ReturnType<typeof meter> => {
    const input = {
      policy: policyWith(patterns),
      repository: 'acme/node',
      files: namedFiles(files),
      textMatches: [],
      addedTiers: [],
      removedTiers: [],
    }
    return meter(calls, () => {
      if (!classify(input).ok) throw new Error('the change cannot be classified')
    })
  }
  const meters = [meterOf(300, 100, 1_000), meterOf(3_000, 100, 100), meterOf(3_000, 10, 100)] as const
  byTurns(isQuick ? 3 : 10, meters)
  const [small, manyFiles, fewPatterns] = [meters[0].mean(), meters[1].mean(), meters[2].mean()]
  const growth = (name: string, from: number, to: number): Outcome => ({
    name,
    ours: `${(to / 1000).toFixed(2)} ms`,
    against: `${(from / 1000).toFixed(2)} ms`,
    ratio: `${(to / from).toFixed(1)} ×`,
    bar: '≤ 12 ×',
    isMet: to / from <= 12,
  })
  return [
    growth('classify, 3,000 × 100 against 300 × 100', small, manyFiles),
    growth('classify, 3,000 × 100 against 3,000 × 10', fewPatterns, manyFiles),
  ]
}

/** One evaluation beside one signature verification, and how classification grows. */
export const benchEvaluate: Bench = async ({ isQuick, progress }) => {
  const first = evaluation(isQuick)
  progress(`evaluate: ${first.ours}, ${first.against}`)
  return [first, ...classification(isQuick)]
}
