import assert from 'node:assert/strict'
import test from 'node:test'
import { createManualTime, createSeededRandom } from '../../../test/fakes/manual-time.ts'
import { createRecordedTelemetry } from '../../../test/fakes/recorded-telemetry.ts'
import { openMemoryStore } from '../../adapters/store/memory.ts'
import { asInstant } from '../../core/index.ts'
import { AppError, InvariantError } from '../app-error.ts'
import type { JobRecord, StorePorts, Write } from '../ports.ts'
import { createRunner, type JobHandler, type RunnerLimits } from './runner.ts'

type Faults = NonNullable<Parameters<typeof openMemoryStore>[0]>['faults']

function setUp(handlers: Record<string, JobHandler>, limits: Partial<RunnerLimits> = {}, faults?: Faults) {
  const time = createManualTime()
  const telemetry = createRecordedTelemetry()
  const ports: StorePorts = openMemoryStore(faults === undefined ? {} : { faults })
  const parts = {
    jobs: ports.jobs,
    store: ports.store,
    clock: time.clock,
    timers: time.timers,
    random: createSeededRandom(),
    telemetry,
    handlers,
    limits,
  }
  const runner = createRunner(parts)
  const add = async (id: string, lane: string, kind = 'work', inMs = 0): Promise<void> => {
    const dueAt = asInstant(time.clock.now() + inMs)
    assert.deepEqual(await ports.store.commit([{ kind: 'job', job: { id, lane, kind, data: {}, dueAt } }]), {
      ok: true,
    })
    runner.wake()
  }
  const pass = async (ms: number): Promise<void> => {
    time.advance(ms)
    await runner.idle()
  }
  return { time, telemetry, ports, parts, runner, add, pass }
}

/** A gate that a handler waits at until the test opens it. */
function gate(): { readonly wait: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { wait: promise, open: resolve }
}

const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

test('jobs of one lane run one at a time and in order, lanes run beside each other, up to the limit', async () => {
  const log: string[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  let most = 0
  let now = 0
  const { runner, add } = setUp(
    {
      work: async (job) => {
        log.push(`+${job.id}`)
        most = Math.max(most, ++now)
        const mine = gate()
        gates.set(job.id, mine)
        await mine.wait
        now--
        log.push(`-${job.id}`)
      },
    },
    { lanes: 2 },
  )
  runner.start()
  await add('a1', 'a')
  await add('a2', 'a')
  await add('b1', 'b')
  await add('c1', 'c')
  await turns()
  assert.deepEqual(log, ['+a1', '+b1'])
  gates.get('a1')?.open()
  await turns()
  assert.deepEqual(log, ['+a1', '+b1', '-a1', '+a2'])
  gates.get('a2')?.open()
  await turns()
  assert.deepEqual(log.slice(4), ['-a2', '+c1'])
  gates.get('b1')?.open()
  gates.get('c1')?.open()
  await runner.idle()
  assert.equal(most, 2)
  assert.equal(log.length, 8)
})

test('200 lanes of 5 jobs each lose nothing and finish in order per lane', async () => {
  const done = new Map<string, number[]>()
  const { runner, add, ports } = setUp({
    work: async (job) => {
      await turns(Number(job.id.split('/')[1]) % 3)
      done.set(job.lane, [...(done.get(job.lane) ?? []), Number(job.id.split('/')[1])])
    },
  })
  runner.start()
  for (let n = 0; n < 5; n++) for (let lane = 0; lane < 200; lane++) await add(`${lane}/${n}`, `${lane}`)
  await runner.idle()
  assert.equal(done.size, 200)
  for (const order of done.values()) assert.deepEqual(order, [0, 1, 2, 3, 4])
  assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
})

test('a job due later runs when its time has come and not before', async () => {
  const ran: string[] = []
  const { runner, add, pass } = setUp({ work: async (job) => void ran.push(job.id) })
  runner.start()
  await add('later', 'a', 'work', 3 * 86_400_000)
  await add('now', 'a')
  await runner.idle()
  assert.deepEqual(ran, ['now'])
  await pass(3 * 86_400_000 - 1)
  assert.deepEqual(ran, ['now'])
  for (let i = 0; i < 3 && ran.length === 1; i++) await pass(1_000)
  assert.deepEqual(ran, ['now', 'later'])
})

test('what a handler returns is committed together with the end of its job, or not at all', async () => {
  const commits: string[] = []
  let fails = true
  const rows: Write[] = [{ kind: 'cursor', name: 'seen', value: '7' }]
  const { runner, add, pass, ports } = setUp(
    { work: async () => rows },
    {},
    {
      before(_n, what) {
        commits.push(what)
        if (fails && what.includes('job-done')) throw new Error('disk')
      },
      after: () => {},
    },
  )
  runner.start()
  await add('one', 'a')
  await runner.idle()
  assert.equal(await ports.memory.cursor('seen'), null)
  assert.equal((await ports.jobs.find('one'))?.attempts, 1)
  fails = false
  await pass(1_500)
  assert.equal(await ports.memory.cursor('seen'), '7')
  assert.equal(await ports.jobs.find('one'), null)
  assert.ok(commits.includes('cursor+job-done'), commits.join(' '))
})

test('T44 a commit that failed but was stored leaves a job that is done and gone', async () => {
  let ran = 0
  const { runner, add, pass, ports } = setUp(
    { work: async () => void ran++ },
    {},
    {
      before: () => {},
      after(_n, what) {
        if (what === 'job-done') throw new Error('the answer was lost')
      },
    },
  )
  runner.start()
  await add('one', 'a')
  await runner.idle()
  await pass(120_000)
  assert.equal(ran, 1)
  assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
})

test('a job written anew while it runs runs again', async () => {
  const hold = gate()
  let ran = 0
  const { runner, add, ports } = setUp({
    work: async () => {
      if (++ran === 1) await hold.wait
    },
  })
  runner.start()
  await add('one', 'a')
  await turns()
  await add('one', 'a')
  hold.open()
  await runner.idle()
  assert.equal(ran, 2)
  assert.equal(await ports.jobs.find('one'), null)
})

test('a failing job waits longer each time, blocks its lane alone, and is dead after the last attempt', async () => {
  const at: number[] = []
  const others: string[] = []
  const { runner, add, pass, ports, time } = setUp(
    {
      bad: async () => {
        at.push(time.clock.now())
        throw new AppError('forge-rejected', 'no')
      },
      work: async (job) => void others.push(job.id),
    },
    { maxAttempts: 4 },
  )
  runner.start()
  await add('bad', 'a', 'bad')
  await add('behind', 'a')
  await add('beside', 'b')
  await runner.idle()
  assert.deepEqual(others, ['beside'])
  for (let i = 0; i < 40; i++) await pass(500)
  assert.equal(at.length, 4)
  const waits = at.slice(1).map((time, i) => time - (at[i] as number))
  for (const [i, full] of [1_000, 2_000, 4_000].entries()) {
    const wait = waits[i] as number
    assert.ok(wait >= full / 2 && wait <= full + 1_000, `wait ${i}: ${wait}`)
  }
  const [dead] = await ports.jobs.dead(10)
  assert.equal(dead?.id, 'bad')
  assert.equal(dead?.lastError, 'forge-rejected: no')
  assert.deepEqual(others, ['beside', 'behind'])
})

test('an outage does not kill a job, and it is not tried before the refuser said', async () => {
  const at: number[] = []
  const { runner, add, pass, time, ports } = setUp(
    {
      work: async () => {
        at.push(time.clock.now())
        if (at.length < 9) throw new AppError('forge-rate-limited', 'later', { retryAt: time.clock.now() + 30_000 })
      },
    },
    { maxAttempts: 3 },
  )
  runner.start()
  await add('one', 'a')
  await runner.idle()
  for (let i = 0; i < 300; i++) await pass(1_000)
  assert.equal(at.length, 9)
  for (const [i, moment] of at.slice(1).entries()) assert.ok(moment - (at[i] as number) >= 30_000)
  assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
})

test('a mistake of ours and a job nobody handles are dead at once, with their delivery', async () => {
  const guid = '72d3162e-cc78-11e3-81ab-4c9367dc0958'
  let ran = 0
  const { runner, add, ports, time } = setUp({
    work: async () => {
      ran++
      throw new InvariantError('two is three')
    },
  })
  await ports.store.commit([
    {
      kind: 'delivery',
      delivery: {
        guid,
        event: 'push',
        action: null,
        repository: null,
        number: null,
        receivedAt: time.clock.now(),
        bodyDigest: '0'.repeat(64) as never,
        body: null,
        via: 'webhook',
        state: 'queued',
        reason: null,
        finishedAt: null,
      },
    },
  ])
  runner.start()
  await add(`delivery/${guid}`, 'a')
  await add('strange', 'b', 'nobody')
  await add('inherited', 'c', 'toString')
  await runner.idle()
  assert.equal(ran, 1)
  assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 3 })
  const delivery = await ports.deliveries.find(guid)
  assert.equal(delivery?.state, 'dead')
  assert.equal(delivery?.reason, 'invariant')
})

test('T59 the message of an unknown error never reaches the store', async () => {
  const { runner, add, ports } = setUp(
    { work: async () => Promise.reject(new TypeError('ghs_0123456789abcdef0123')) },
    { maxAttempts: 1 },
  )
  runner.start()
  await add('one', 'a')
  await runner.idle()
  assert.equal((await ports.jobs.dead(1))[0]?.lastError, 'unexpected: TypeError')
})

test('a conflict makes the handler look again at once', async () => {
  let ran = 0
  const expected: number[] = []
  const { runner, add, ports } = setUp({
    work: async () => {
      ran++
      // Somebody else burns the command between the first look and the first commit.
      const admitted = await ports.statements.wasCommandAdmitted(1 as never, 5)
      expected.push(admitted ? 1 : 0)
      if (admitted) return
      const command: Write = { kind: 'command', repository: 1 as never, commentId: 5, at: asInstant(1) }
      if (ran === 1) await ports.store.commit([command])
      return [command]
    },
  })
  runner.start()
  await add('one', 'a')
  await runner.idle()
  assert.deepEqual(expected, [0, 1])
  assert.equal((await ports.jobs.find('one'))?.id, undefined)
})

test('while the store is down the lane rests instead of spinning, and goes on when it is back', async () => {
  let isDown = false
  let ran = 0
  const { runner, add, pass, ports } = setUp(
    { work: async () => void ran++ },
    {},
    {
      before() {
        if (isDown) throw new Error('down')
      },
      after: () => {},
    },
  )
  runner.start()
  await add('one', 'a')
  await runner.idle()
  assert.equal(ran, 1)
  await ports.store.commit([
    { kind: 'job', job: { id: 'two', lane: 'a', kind: 'work', data: {}, dueAt: asInstant(0) } },
  ])
  isDown = true
  runner.wake()
  await runner.idle()
  await runner.idle()
  assert.equal(ran, 2)
  for (let i = 0; i < 10; i++) await pass(100)
  assert.equal(ran, 3)
  isDown = false
  await pass(60_000)
  assert.equal(await ports.jobs.find('two'), null)
})

test('stop waits for what runs, then tells it to stop; the job stays for the next process', async () => {
  const signalled: unknown[] = []
  const quick = gate()
  const started: JobRecord[] = []
  const { runner, add, ports, time, parts } = setUp({
    quick: async () => quick.wait,
    stubborn: (job, signal) => {
      started.push(job)
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          signalled.push(signal.reason)
          reject(signal.reason as Error)
        })
      })
    },
    work: async (job) => void started.push(job),
  })
  runner.start()
  await add('quick', 'a', 'quick')
  await add('stubborn', 'b', 'stubborn')
  await turns()
  const stopping = runner.stop(5_000)
  await add('too-late', 'c')
  quick.open()
  await turns()
  assert.equal(await ports.jobs.find('quick'), null)
  assert.equal(signalled.length, 0)
  time.advance(5_000)
  assert.equal(await stopping, 1)
  assert.ok(signalled[0] instanceof Error)
  await turns()
  assert.equal((await ports.jobs.find('stubborn'))?.attempts, 0)
  assert.deepEqual(
    started.map(({ id }) => id),
    ['stubborn'],
  )
  const next = createRunner({ ...parts, handlers: { stubborn: async () => {}, work: async () => {} } })
  next.start()
  await next.idle()
  assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
})

test('a job that takes too long is told to stop and counts as failed', async () => {
  const { runner, add, time, ports } = setUp(
    {
      work: (_job, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    },
    { jobTimeoutMs: 10_000 },
  )
  runner.start()
  await add('one', 'a')
  await turns()
  time.advance(10_000)
  await runner.idle()
  assert.equal((await ports.jobs.find('one'))?.attempts, 1)
})
