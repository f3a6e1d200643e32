import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { StorePorts } from '../src/flows/ports.ts'
import { type Bench, median, type Outcome } from './outcome.ts'
import { startStand } from './stand.ts'

const latencyMs = 50

interface Exchange {
  readonly path: string
  readonly method: string
  readonly startedAt: number
  endedAt: number | null
}

interface Watch {
  /** Requests to the forge since the last call. */
  taken(): readonly Exchange[]
  /** When the last webhook about a pull request arrived. */
  arrivedAt(): number
  stop(): void
}

type UndiciMessage = { readonly request: { readonly method: string; readonly path: string } }

/** Sees every request of this process to the forge begin and end, and every webhook arrive, through Node's own channels. */
function watchRequests(): Watch {
  let exchanges = new Map<object, Exchange>()
  let arrivedAt = 0
  const onCreate = (message: unknown): void => {
    const { request } = message as UndiciMessage
    const { method, path } = request
    exchanges.set(request, { method, path, startedAt: performance.now(), endedAt: null })
  }
  const onEnd = (message: unknown): void => {
    const exchange = exchanges.get((message as UndiciMessage).request)
    if (exchange !== undefined) exchange.endedAt = performance.now()
  }
  const onArrival = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage }
    if (request.url === '/webhooks/github' && request.headers['x-github-event'] === 'pull_request')
      arrivedAt = performance.now()
  }
  const channels = [
    ['undici:request:create', onCreate],
    ['undici:request:trailers', onEnd],
    ['undici:request:error', onEnd],
    ['http.server.request.start', onArrival],
  ] as const
  for (const [channel, listener] of channels) subscribe(channel, listener)
  return {
    taken() {
      const all = [...exchanges.values()]
      exchanges = new Map()
      return all
    },
    arrivedAt: () => arrivedAt,
    stop() {
      for (const [channel, listener] of channels) unsubscribe(channel, listener)
    },
  }
}

/** Time between `from` and `to` in which no request to the forge was on its way. */
function ownTime(exchanges: readonly Exchange[], from: number, to: number): number {
  let own = 0
  let at = from
  for (const { startedAt, endedAt } of [...exchanges].sort((a, b) => a.startedAt - b.startedAt)) {
    if (startedAt >= to) break
    own += Math.max(0, startedAt - at)
    at = Math.max(at, Math.min(endedAt ?? to, to))
  }
  return own + Math.max(0, to - at)
}

const files = (text: string) => ({ 'docs/guide.md': `${text}\n`, 'src/other.ts': `export const other = '${text}'\n` })

/** One new head at a time, from the arrival of its webhook to the answer of the request that posts its check. */
async function oneAtATime(heads: number, progress: (text: string) => void): Promise<Outcome> {
  const { deployment: d, close } = await startStand()
  const watch = watchRequests()
  try {
    const samples: { readonly total: number; readonly own: number; readonly requests: number }[] = []
    for (let i = 0; i < heads + 2; i++) {
      if (i === 0) d.fake.faults.latency(latencyMs)
      d.fake.commit('acme/sdk', `head-${i}`, { author: 'alice', message: `change ${i}`, files: files(`head ${i}`) })
      await d.settled()
      watch.taken()
      d.fake.openPullRequest({ repo: 'acme/sdk', head: `head-${i}`, author: 'alice', title: `Change ${i}` })
      await d.settled()
      const exchanges = watch.taken()
      const posted = exchanges.find(({ method, path }) => method === 'POST' && path.endsWith('/check-runs'))
      if (posted?.endedAt == null) throw new Error('no check was posted')
      const to = posted.endedAt
      const from = watch.arrivedAt()
      const before = exchanges.filter(({ startedAt }) => startedAt < to)
      samples.push({ total: to - from, own: ownTime(exchanges, from, to), requests: before.length })
    }
    // The first ones compile code and make the installation's token.
    const warm = samples.slice(2)
    const own = median(warm.map((sample) => sample.own))
    const total = median(warm.map((sample) => sample.total))
    progress(
      `check: ${total.toFixed(0)} ms, ${own.toFixed(1)} ms of it ours, ${median(warm.map((s) => s.requests))} requests`,
    )
    return {
      name: `webhook to posted check, forge answers in ${latencyMs} ms`,
      ours: `${total.toFixed(0)} ms`,
      against: `its requests ${(total - own).toFixed(0)} ms`,
      ratio: `+ ${own.toFixed(1)} ms`,
      bar: '≤ + 20 ms',
      isMet: own <= 20,
    }
  } finally {
    watch.stop()
    await close()
  }
}

interface LaneWatch {
  readonly ports: StorePorts
  /** Ids of the delivery jobs of a lane as they were written first, and as they ended. */
  readonly lanes: Map<string, { readonly written: string[]; readonly ended: string[] }>
}

/** Sees in which order jobs are written and end, at the one place where both become durable. */
function watchLanes(ports: StorePorts): LaneWatch {
  const lanes: LaneWatch['lanes'] = new Map()
  const laneOf = new Map<string, string>()
  const commit: StorePorts['store']['commit'] = async (writes) => {
    const outcome = await ports.store.commit(writes)
    if (!outcome.ok) return outcome
    for (const write of writes) {
      if (write.kind === 'job' && write.job.kind === 'delivery' && write.job.lane.includes('/')) {
        const { id, lane } = write.job
        laneOf.set(id, lane)
        const known = lanes.get(lane) ?? { written: [], ended: [] }
        known.written.push(id)
        lanes.set(lane, known)
      }
      if (write.kind === 'job-done') lanes.get(laneOf.get(write.id) ?? '')?.ended.push(write.id)
    }
    return outcome
  }
  return { ports: { ...ports, store: { ...ports.store, commit } }, lanes }
}

/** Many pull requests at once, each with a second push on its heels. @throws Error when one is lost or out of order */
async function manyAtOnce(count: number, progress: (text: string) => void): Promise<Outcome> {
  let seen: LaneWatch | null = null
  const { deployment: d, close } = await startStand((ports) => {
    seen = watchLanes(ports)
    return seen.ports
  })
  try {
    const numbers = Array.from({ length: count }, (_, i) => i)
    for (const i of numbers)
      d.fake.commit('acme/sdk', `many-${i}`, { author: 'alice', message: `change ${i}`, files: files(`many ${i}`) })
    await d.settled()
    d.fake.faults.latency(latencyMs)
    const startedAt = performance.now()
    const pulls = numbers.map((i) =>
      d.fake.openPullRequest({ repo: 'acme/sdk', head: `many-${i}`, author: 'alice', title: `Change ${i}` }),
    )
    const heads = numbers.map((i) =>
      d.fake.commit('acme/sdk', `many-${i}`, { author: 'alice', message: 'again', files: files(`again ${i}`) }),
    )
    await d.settled()
    const seconds = (performance.now() - startedAt) / 1000
    const lanes = (seen as LaneWatch | null)?.lanes ?? new Map<string, never>()
    const shown = pulls.filter((_, i) => d.check('acme/sdk', String(heads[i]))?.conclusion === 'action_required').length
    let isInOrder = true
    let events = 0
    for (const pull of pulls) {
      const lane = lanes.get(`${d.repositoryId('acme/sdk')}/${pull.number}`)
      events += lane?.ended.length ?? 0
      if (lane === undefined || lane.ended.length < 2 || lane.written.join() !== lane.ended.join()) isInOrder = false
    }
    const { dead } = await d.store.jobs.counts()
    progress(`${count} at once: ${shown} shown, ${events} events, ${seconds.toFixed(1)} s`)
    const isMet = shown === count && isInOrder && dead === 0
    if (!isMet) throw new Error(`${shown} of ${count} checks shown, in order: ${isInOrder}, dead jobs: ${dead}`)
    return {
      name: `${count} pull requests at once, two heads each`,
      ours: `${shown} shown in ${seconds.toFixed(1)} s`,
      against: `${events} events in order per lane`,
      ratio: `${(shown / count).toFixed(2)}`,
      bar: 'none lost, in order',
      isMet,
    }
  } finally {
    await close()
  }
}

/** From a webhook to the check that a person sees. */
export const benchGate: Bench = async ({ isQuick, progress }) => [
  await oneAtATime(isQuick ? 5 : 25, progress),
  await manyAtOnce(isQuick ? 40 : 200, progress),
]
