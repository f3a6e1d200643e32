/** Every durable write in the life of a change fails once, in both ways: nothing was stored, or all of it was and only the answer was lost. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { StoreFaults } from '../../src/adapters/store/faults.ts'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { dayMs } from '../../src/core/index.ts'
import type { StorePorts } from '../../src/flows/ports.ts'
import { appId, type Deployment, startDeployment } from '../e2e/deployment.ts'
import { decodeEntries } from './log-reader.ts'

type Mode = 'not-stored' | 'but-stored'

interface Breaker extends StoreFaults {
  /** Breaks one durable write from now on: the `n`-th (0: none), or the first of a kind that is not among `known`. */
  arm(which: number | ReadonlySet<string>, mode: Mode): void
  /** What was broken since `arm`; null when the life ended before. */
  hit(): string | null
  /** Durable writes since `arm`. */
  count(): number
}

function createBreaker(): Breaker {
  let wanted: number | ReadonlySet<string> = 0
  let seen = 0
  let mode: Mode = 'not-stored'
  let broken: number | null = null
  let hit: string | null = null
  return {
    arm(which, how) {
      wanted = which
      mode = how
      seen = 0
      hit = null
      broken = null
    },
    hit: () => hit,
    count: () => seen,
    before(n, what) {
      seen += 1
      if (hit !== null || (typeof wanted === 'number' ? wanted !== seen : wanted.has(what))) return
      hit = what
      if (mode === 'not-stored') throw new Error('broken before it was stored')
      broken = n
    },
    after(n) {
      if (n !== broken) return
      broken = null
      throw new Error('broken after it was stored')
    },
  }
}

/** Lets retries, recoveries and timers come, until `holds`. */
async function drive(d: Deployment, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000
  await d.settled()
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`never: ${what}\n${d.logLines.slice(-12).join('')}`)
    await new Promise((resolve) => setTimeout(resolve, 40))
    await d.pass(1_000)
  }
}

interface Life {
  readonly number: number
  readonly head: string
  readonly commentIds: readonly number[]
}

/** Opened, signed by three, green in time, merged. */
async function live(d: Deployment, name: string): Promise<Life> {
  const repo = 'acme/sdk'
  d.fake.commit(repo, name, { author: 'alice', message: name, files: { [`docs/${name}.md`]: `${name}\n` } })
  const { number, headSha: head } = d.fake.openPullRequest({ repo, head: name, author: 'alice', title: `Add ${name}` })
  const id = d.repositoryId(repo)
  const shows = (conclusion: string) => async () => d.check(repo, head)?.conclusion === conclusion
  await drive(d, `#${number} is judged`, shows('action_required'))
  const commentIds: number[] = []
  for (const [position, person] of d.of('layer-5').slice(0, 3).entries()) {
    const { comment } = await d.signature(repo, number, person)
    commentIds.push(d.fake.comment({ repo, number }, person.login, comment))
    await drive(
      d,
      `#${number} has ${position + 1} approvals`,
      async () => (await d.store.statements.forChange(id, number)).length === position + 1,
    )
  }
  await d.pass(14 * dayMs)
  await drive(d, `#${number} is green`, shows('success'))
  d.fake.mergePullRequest({ repo, number }, 'admin', 'squash')
  await drive(d, `#${number} has landed`, async () => {
    const record = await d.store.changes.find(id, number)
    return record?.landed != null && record.state === 'merged'
  })
  await drive(d, `#${number} is at rest`, async () => {
    const { queued } = await d.store.deliveries.counts()
    return (
      queued === 0 &&
      (await d.journal.read()).length === 0 &&
      repliesOf(d, { number, head, commentIds }).every((count) => count > 0)
    )
  })
  return { number, head, commentIds }
}

function repliesOf(d: Deployment, life: Life): readonly number[] {
  const comments = d.fake.comments({ repo: 'acme/sdk', number: life.number }).filter(({ isApp }) => isApp)
  return life.commentIds.map(
    (id) => comments.filter(({ body }) => body.includes(`<!-- governance-reply:${id} -->`)).length,
  )
}

/** What must be the same however often something failed on the way. */
async function stateOf(d: Deployment, life: Life) {
  const id = d.repositoryId('acme/sdk')
  const record = await d.store.changes.find(id, life.number)
  const entries = (await decodeEntries(d.store.log)).filter(
    ({ subject, data }) => subject.number === life.number || data.number === life.number,
  )
  const count = (type: string): number => entries.filter((entry) => entry.type === type).length
  const comments = d.fake.comments({ repo: 'acme/sdk', number: life.number }).filter(({ isApp }) => isApp)
  const statements = await d.store.statements.forChange(id, life.number)
  return {
    state: record?.state,
    outcome: record?.verdict?.outcome,
    hasLanded: record?.landed != null,
    clocks: [count('clock-started'), count('clock-ended')],
    statements: new Set(statements.map(({ payloadDigest }) => payloadDigest)).size,
    admitted: count('statement-admitted'),
    refused: count('statement-refused'),
    landings: count('landing-matched'),
    replies: repliesOf(d, life),
    statusComments: comments.filter(({ body }) => body.includes('governance-status')).length,
    checks: d.fake
      .checkRuns('acme/sdk', life.head)
      .filter((run) => run.appId === appId)
      .map(({ conclusion }) => conclusion),
    dead: (await d.store.jobs.dead(10)).map(({ id: job, lastError }) => `${job}: ${lastError}`),
    findings: (await d.store.memory.findings(10)).map(({ code, data }) => ({ code, ...data })),
  }
}

const wasLowered = async (d: Deployment, { head }: Life): Promise<boolean> =>
  (await decodeEntries(d.store.log)).some(({ type, data }) => type === 'check-lowered' && data.head === head)

/** Which writes are broken, one per life: every `n`-th, or one of each kind. */
export type Stride = number | 'each-kind'

/** Lives one life per broken write and compares each with one that nothing broke. Prints the hits. */
async function walk(t: TestContext, store: StorePorts, breaker: Breaker, step: Stride): Promise<void> {
  const d = await startDeployment(t, { repositories: ['sdk'], frozen: true, store })
  breaker.arm(0, 'not-stored')
  const plain = await live(d, 'plain')
  const expected = await stateOf(d, plain)
  assert.deepEqual(
    { ...expected, checks: expected.checks.length },
    {
      state: 'merged',
      outcome: 'pass',
      hasLanded: true,
      clocks: [1, 1],
      statements: 3,
      admitted: 3,
      refused: 0,
      landings: 1,
      replies: [1, 1, 1],
      statusComments: 1,
      checks: 1,
      dead: [],
      findings: [],
    },
  )
  const writes = breaker.count()
  const hits = new Map<string, Record<Mode, number>>()
  let lives = 1
  /** Lives once more with one write broken, and says what that was; null when the life ended before. */
  const liveBroken = async (which: Parameters<Breaker['arm']>[0], mode: Mode, name: string): Promise<string | null> => {
    breaker.arm(which, mode)
    const life = await live(d, name)
    lives += 1
    const what = breaker.hit()
    const found = await stateOf(d, life)
    assert.deepEqual(
      // A merged change is not decided again: a green that was lowered on the way stays lowered, and the log says so.
      found.checks[0] === 'failure' && (await wasLowered(d, life)) ? { ...found, checks: expected.checks } : found,
      expected,
      `${name}: ${what ?? 'nothing'} failed, ${mode}`,
    )
    if (what === null) return null
    const known = hits.get(what) ?? { 'not-stored': 0, 'but-stored': 0 }
    hits.set(what, { ...known, [mode]: known[mode] + 1 })
    return what
  }
  const kindsHit = (mode: Mode) => new Set([...hits].filter(([, counts]) => counts[mode] > 0).map(([what]) => what))
  for (const mode of ['not-stored', 'but-stored'] as const) {
    for (let n = 1; step !== 'each-kind'; n += step) if ((await liveBroken(n, mode, `${mode}-${n}`)) === null) break
    // Which write is the n-th is not the same in each life: a kind that has one place in it may have been missed by all.
    for (let n = 1; ; n++) if ((await liveBroken(kindsHit(mode), mode, `${mode}-kind-${n}`)) === null) break
  }
  breaker.arm(0, 'not-stored')
  t.diagnostic(`a life of ${writes} durable writes, lived ${lives} times; hits (not stored / but stored):`)
  for (const [what, counts] of [...hits].sort(([a], [b]) => (a < b ? -1 : 1)))
    t.diagnostic(`${String(counts['not-stored']).padStart(4)} ${String(counts['but-stored']).padStart(4)}  ${what}`)
  const kinds = [...hits.keys()].join('+')
  for (const kind of ['delivery', 'job-done', 'entries', 'checkpoint', 'statement', 'command', 'check', 'branch-seen'])
    assert.ok(kinds.includes(kind), `no write of ${kind} was broken`)
}

/** In memory, where a life is short. */
export async function breakMemoryWrites(t: TestContext, step: Stride): Promise<void> {
  const breaker = createBreaker()
  await walk(t, openMemoryStore({ faults: breaker }), breaker, step)
}

/** On encrypted SQLite with full sync. */
export async function breakSqliteWrites(t: TestContext, step: Stride): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'governance-matrix-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const breaker = createBreaker()
  const store = await openSqliteStore({
    file: join(directory, 'm.db'),
    key: randomBytes(32),
    create: true,
    faults: breaker,
  })
  await walk(t, store, breaker, step)
  assert.deepEqual(await store.checkIntegrity(), [])
}
