import { randomUUID } from 'node:crypto'
import { acceleration } from '../src/compose-acceleration.ts'
import { asCommitId, asInstant, asSha256, bytesDigest, canonicalBytes } from '../src/core/index.ts'
import { type EntryDraft, serverActor } from '../src/flows/gate/entries.ts'
import { createRecorder } from '../src/flows/gate/recorder.ts'
import type { Write } from '../src/flows/ports.ts'
import { systemRandom } from '../src/system.ts'
import { type Bench, median, type Outcome, whole } from './outcome.ts'
import { type Stand, startStand } from './stand.ts'

const perCommit = 20_000
const perRecord = 1_000

/** Fills the store through its own commits: deliveries long done, and verdicts with their blobs under signed heads. */
async function fill(
  { deployment: d }: Stand,
  counts: { readonly deliveries: number; readonly verdicts: number },
  progress: (text: string) => void,
): Promise<void> {
  const repository = d.repositoryId('acme/sdk')
  const at = d.clock.now()
  const bodyDigest = asSha256('0'.repeat(64))
  for (let done = 0; done < counts.deliveries; done += perCommit) {
    const writes = Array.from({ length: Math.min(perCommit, counts.deliveries - done) }, (_, i): Write => {
      const isKept = i % 20 === 0
      return {
        kind: 'delivery',
        delivery: {
          guid: randomUUID(),
          event: 'pull_request',
          action: 'edited',
          repository,
          number: 100_000 + ((done + i) % 5_000),
          receivedAt: at,
          bodyDigest,
          body: isKept ? Buffer.from(`{"filler":"${'pull request '.repeat(40)}"}`) : null,
          via: 'webhook',
          state: 'done',
          reason: null,
          finishedAt: asInstant(at + done + i),
        },
      }
    })
    const outcome = await d.store.store.commit(writes)
    if (!outcome.ok) throw new Error(outcome.conflict)
    if ((done / perCommit) % 5 === 4) progress(`database: ${whole(done + perCommit)} deliveries`)
  }
  const recorder = createRecorder({
    origin: d.config.log.origin,
    store: d.store.store,
    log: d.store.log,
    security: d.store.security,
    custody: d.custody,
    clock: d.clock,
    random: systemRandom,
    acceleration,
  })
  for (let done = 0; done < counts.verdicts; done += perRecord) {
    const blobs = Array.from({ length: Math.min(perRecord, counts.verdicts - done) }, (_, i) => {
      const bytes = canonicalBytes({ v: 1, filler: 'reason '.repeat(100), of: done + i })
      return { digest: bytesDigest(bytes, acceleration), bytes }
    })
    await recorder.record(() => ({
      result: undefined,
      writes: blobs.map(({ digest, bytes }): Write => ({ kind: 'blob', digest, bytes })),
      entries: blobs.map(
        ({ digest }, i): EntryDraft => ({
          type: 'verdict',
          actor: serverActor,
          subject: { kind: 'change', repository, number: 100_000 + ((done + i) % 5_000) },
          data: {
            outcome: 'pending',
            code: 'merge-waits',
            head: asCommitId('0'.repeat(40)),
            baseRef: 'main',
            mergeTree: null,
            policy: bodyDigest,
            epoch: 1,
            facts: bodyDigest,
            approvals: bodyDigest,
            keyring: bodyDigest,
            requirement: bodyDigest,
            verdict: digest,
          },
        }),
      ),
    }))
    if ((done / perRecord) % 20 === 19) progress(`database: ${whole(done + perRecord)} verdicts`)
  }
}

/** What `governance status` reads. */
async function readStatus({ deployment: { store } }: Stand): Promise<void> {
  await store.registry.policyInForce()
  await store.log.head()
  await store.log.checkpoint()
  await store.jobs.counts()
  await store.deliveries.counts()
  await store.registry.repositories()
  await store.changes.checks({ unsettled: true })
  await store.memory.findings(5)
  await store.deliveries.list({ state: 'dead', limit: 50 })
  await store.log.find({ type: 'landing-matched', limit: 1 })
}

async function milliseconds(run: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await run()
  return performance.now() - startedAt
}

/** A push, until everything that follows from it is done: webhook, facts, verdict, log, check. */
async function decide({ deployment: d }: Stand, i: number): Promise<void> {
  d.fake.commit('acme/sdk', 'topic', { author: 'alice', message: 'more', files: { 'docs/guide.md': `round ${i}\n` } })
  await d.settled()
}

async function openTopic(stand: Stand): Promise<void> {
  const { fake } = stand.deployment
  fake.commit('acme/sdk', 'topic', { author: 'alice', message: 'first', files: { 'docs/guide.md': 'first\n' } })
  fake.openPullRequest({ repo: 'acme/sdk', head: 'topic', author: 'alice', title: 'A change' })
  await stand.deployment.settled()
}

/** An old database beside a new one, by turns. */
export const benchDatabase: Bench = async ({ isQuick, progress }) => {
  const counts = isQuick ? { deliveries: 40_000, verdicts: 4_000 } : { deliveries: 1_000_000, verdicts: 100_000 }
  const empty = await startStand()
  const full = await startStand()
  try {
    await fill(full, counts, progress)
    const stands = [empty, full] as const
    for (const stand of stands) await openTopic(stand)
    const status: [number[], number[]] = [[], []]
    const decision: [number[], number[]] = [[], []]
    const rounds = isQuick ? 10 : 30
    for (let i = 0; i < rounds + 3; i++)
      for (const which of [0, 1] as const) {
        const reads = await milliseconds(async () => {
          for (let n = 0; n < 50; n++) await readStatus(stands[which])
        })
        const decided = await milliseconds(() => decide(stands[which], i))
        // The first rounds compile code and fill the caches of both.
        if (i < 3) continue
        status[which].push(reads / 50)
        decision[which].push(decided)
      }
    const size = `${whole(counts.deliveries)} deliveries, ${whole(counts.verdicts)} verdicts`
    const compare = (name: string, [small, large]: readonly [number[], number[]], digits: number): Outcome => {
      const ratio = median(large) / median(small)
      return {
        name: `${name}, ${size}`,
        ours: `${median(large).toFixed(digits)} ms`,
        against: `empty database ${median(small).toFixed(digits)} ms`,
        ratio: `${ratio.toFixed(2)} ×`,
        bar: '≤ 2 ×',
        isMet: ratio <= 2,
      }
    }
    return [compare('status', status, 2), compare('push to check', decision, 0)]
  } finally {
    await empty.close()
    await full.close()
  }
}
