/** What publishing costs a webhook and a verdict: a server that writes the log's files beside one that writes none. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { openLogDirectory } from '../src/adapters/log-files/directory.ts'
import { checkpointPath } from '../src/core/index.ts'
import type { LogFiles, StorePorts } from '../src/flows/ports.ts'
import { type Bench, median, type Outcome } from './outcome.ts'
import { type Stand, startStand } from './stand.ts'

/** Two medians of the same thing on a quiet machine differ by less. */
const latencyBar = 1.1
const groupBar = 1

interface Counts {
  /** Times that files of a head were written together, so that all of them wait for the disk once. */
  groups: number
  files: number
  heads: number
}

/** A place that counts what is written to it. */
function counted(files: LogFiles, counts: Counts): LogFiles {
  let underWay = 0
  return {
    ...files,
    async write(path, bytes) {
      if (underWay++ === 0) counts.groups++
      counts.files++
      await files.write(path, bytes).finally(() => underWay--)
    },
    async replaceCheckpoint(note) {
      counts.heads++
      await files.replaceCheckpoint(note)
    },
  }
}

/** A place that keeps the head alone, so that everything but the files' writes goes on. */
function headAlone(): LogFiles {
  let head: Uint8Array | null = null
  return {
    read: async (path) => (path === checkpointPath ? head : null),
    write: async () => {},
    replaceCheckpoint: async (note) => void (head = note),
    remove: async () => {},
    partials: async () => [],
  }
}

/** Milliseconds from the arrival of each webhook to its answer, by the port that it came to. */
function watchAnswers() {
  const arrivals = new WeakMap<IncomingMessage, number>()
  const taken = new Map<number, number[]>()
  const onStart = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage }
    if (request.url === '/webhooks/github') arrivals.set(request, performance.now())
  }
  const onFinish = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage }
    const at = arrivals.get(request)
    const port = request.socket.localPort
    if (at !== undefined && port !== undefined) taken.set(port, [...(taken.get(port) ?? []), performance.now() - at])
  }
  subscribe('http.server.request.start', onStart)
  subscribe('http.server.response.finish', onFinish)
  return {
    /** Those since the last call. */
    take(url: string): readonly number[] {
      const port = Number(new URL(url).port)
      const samples = taken.get(port) ?? []
      taken.delete(port)
      return samples
    },
    stop(): void {
      unsubscribe('http.server.request.start', onStart)
      unsubscribe('http.server.response.finish', onFinish)
    },
  }
}

/** Counts the commits that hold a verdict. */
function countingVerdicts(counts: { verdicts: number }) {
  return (ports: StorePorts): StorePorts => ({
    ...ports,
    store: {
      ...ports.store,
      async commit(writes) {
        const outcome = await ports.store.commit(writes)
        if (outcome.ok)
          for (const write of writes)
            if (write.kind === 'entries')
              counts.verdicts += write.entries.filter(({ type }) => type === 'verdict').length
        return outcome
      },
    },
  })
}

const changes = 8

/** A new head for every change at once; ends when all of it is decided and published. */
async function push({ deployment: d }: Stand, round: number): Promise<void> {
  for (let i = 0; i < changes; i++)
    d.fake.commit('acme/sdk', `publish-${i}`, {
      author: 'alice',
      message: `round ${round}`,
      files: { 'docs/guide.md': `change ${i}, round ${round}\n` },
    })
  await d.settled()
  await d.published()
}

async function openChanges({ deployment: d }: Stand): Promise<void> {
  for (let i = 0; i < changes; i++) {
    const head = `publish-${i}`
    d.fake.commit('acme/sdk', head, { author: 'alice', message: 'first', files: { 'docs/guide.md': `change ${i}\n` } })
    d.fake.openPullRequest({ repo: 'acme/sdk', head, author: 'alice', title: `Change ${i}` })
  }
  await d.settled()
  await d.published()
}

export const benchPublish: Bench = async ({ isQuick, progress }) => {
  const counts: Counts & { verdicts: number } = { groups: 0, files: 0, heads: 0, verdicts: 0 }
  const answers = watchAnswers()
  const publishing = await startStand(countingVerdicts(counts), async (folder) =>
    counted(await openLogDirectory({ directory: join(folder, 'log'), create: true }), counts),
  )
  const silent = await startStand(undefined, async () => headAlone())
  try {
    const stands = [publishing, silent] as const
    for (const stand of stands) await openChanges(stand)
    const latencies: [number[], number[]] = [[], []]
    const rounds = isQuick ? 4 : 40
    for (let round = 0; round < rounds + 2; round++) {
      // The first rounds compile code; whoever comes first in a round takes turns.
      if (round === 2) Object.assign(counts, { groups: 0, files: 0, heads: 0, verdicts: 0 })
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const { url } = stands[which].deployment
        answers.take(url)
        await push(stands[which], round)
        const samples = answers.take(url)
        if (samples.length < changes) throw new Error(`${samples.length} webhooks came for ${changes} new heads`)
        if (round >= 2) latencies[which].push(median(samples))
      }
    }
    progress(
      `publish: ${counts.verdicts} verdicts, ${counts.files} files in ${counts.groups} groups under ${counts.heads} heads`,
    )
    return outcomesOf(latencies, counts)
  } finally {
    answers.stop()
    for (const stand of [publishing, silent]) await stand.close()
  }
}

function outcomesOf([on, off]: readonly [number[], number[]], counts: Counts & { verdicts: number }): Outcome[] {
  const ratio = median(on.map((ms, i) => ms / (off[i] as number)))
  const groups = counts.groups / counts.verdicts
  return [
    {
      name: 'answer to a webhook while the log is published',
      ours: `${median(on).toFixed(2)} ms`,
      against: `no files written ${median(off).toFixed(2)} ms`,
      ratio: `${ratio.toFixed(2)} ×`,
      bar: `≤ ${latencyBar} ×`,
      isMet: ratio <= latencyBar,
    },
    {
      name: 'groups of files that a verdict has synced',
      ours: `${counts.groups} groups of ${(counts.files / counts.groups).toFixed(1)} files`,
      against: `${counts.verdicts} verdicts, ${counts.heads} heads`,
      ratio: groups.toFixed(2),
      bar: `≤ ${groupBar}`,
      isMet: groups <= groupBar,
    },
  ]
}
