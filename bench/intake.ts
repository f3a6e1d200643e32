import { createHmac, randomBytes } from 'node:crypto'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type BenchProcess, sendBurst, startProcess } from './child.ts'
import { type Bench, median, type Outcome, whole } from './outcome.ts'
import { preparePeers } from './peers.ts'

const wantedBytes = 25_000
const connections = 64

type Example = { readonly name: string; readonly examples: readonly Readonly<Record<string, unknown>>[] }

/** The official example of a pull request event whose text is nearest to 25 kB. */
export function officialPayload(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@octokit/webhooks-examples/package.json'))
  const editions = JSON.parse(readFileSync(join(folder, 'api.github.com', 'index.json'), 'utf8')) as readonly Example[]
  const texts = (editions.find(({ name }) => name === 'pull_request')?.examples ?? []).map((one) => JSON.stringify(one))
  const far = (text: string): number => Math.abs(Buffer.byteLength(text) - wantedBytes)
  const nearest = texts.sort((a, b) => far(a) - far(b))[0]
  if (nearest === undefined) throw new Error('the examples hold no pull request event')
  return nearest
}

const signed = (secret: string, body: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

/** Milliseconds that the disk takes to sync 64 kB, right now: what every group of deliveries waits for. */
function syncMilliseconds(): number {
  const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
  const file = openSync(join(folder, 'sync'), 'w')
  const bytes = Buffer.alloc(65_536, 1)
  const samples = Array.from({ length: 15 }, () => {
    writeSync(file, bytes)
    const startedAt = performance.now()
    fdatasyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  rmSync(folder, { recursive: true })
  return median(samples)
}

/** Requests per second of durable intake beside those of a server that stores nothing, by turns in one run. */
export const benchIntake: Bench = async ({ isQuick, progress }) => {
  const secret = randomBytes(24).toString('hex')
  const body = officialPayload()
  const [rounds, ms, warmMs] = isQuick ? [3, 1_000, 500] : [12, 1_500, 2_000]
  const load = startProcess('processes/load.ts')
  const servers = new Map<string, { readonly process: BenchProcess; readonly port: number; readonly path: string }>()
  const start = async (name: string, process: BenchProcess, path: string): Promise<void> => {
    const { port } = await process.next('listening')
    servers.set(name, { process, port, path })
  }
  const rates = new Map<string, number[]>()
  try {
    await start('bare', startProcess('processes/bare-server.ts', [secret]), '/')
    await start('ours', startProcess('processes/intake-server.ts', [secret]), '/webhooks/github')
    const peers = preparePeers(progress)
    if (peers === null)
      await start('probot', startProcess('peers/probot.mjs', [secret], { isSilent: true }), '/api/github/webhooks')
    const burst = async (name: string, forMs: number): Promise<number> => {
      const server = servers.get(name)
      if (server === undefined) throw new Error(`no server ${name}`)
      const { port, path } = server
      const bodies = [{ body, signature: signed(secret, body) }]
      return sendBurst(load, { port, path, connections, ms: forMs, requests: null, event: 'pull_request', bodies })
    }
    for (const name of servers.keys()) await burst(name, warmMs)
    const syncs: number[] = []
    for (let round = 1; round <= rounds; round++) {
      syncs.push(syncMilliseconds())
      for (const name of servers.keys()) {
        const rate = await burst(name, ms)
        rates.set(name, [...(rates.get(name) ?? []), rate])
        progress(`intake ${round}/${rounds}: ${name} ${whole(rate)}/s`)
      }
    }
    const disk: Outcome = {
      name: 'one sync of this disk, beside the load',
      ours: `${median(syncs).toFixed(1)} ms`,
      against: `${connections} webhooks on their way`,
      ratio: null,
      bar: null,
      isMet: null,
    }
    return [...outcomesOf(rates, Buffer.byteLength(body), peers), disk]
  } finally {
    await Promise.all([load, ...[...servers.values()].map((server) => server.process)].map((one) => one.stop()))
  }
}

function outcomesOf(rates: ReadonlyMap<string, readonly number[]>, bytes: number, whyNoPeer: string | null): Outcome[] {
  const rateOf = (name: string): number => median(rates.get(name) ?? [])
  const compare = (
    name: string,
    peer: string,
    label: string,
    bar: number,
    show: (ratio: number) => string,
  ): Outcome => {
    // Each round compares neighbours in time: what else the machine does slows both.
    const ratio = median((rates.get('ours') ?? []).map((own, i) => own / (rates.get(peer)?.[i] ?? Number.NaN)))
    return {
      name,
      ours: `${whole(rateOf('ours'))}/s`,
      against: `${label} ${whole(rateOf(peer))}/s`,
      ratio: show(ratio),
      bar: `≥ ${show(bar)}`,
      isMet: ratio >= bar,
    }
  }
  const name = `intake, ${whole(bytes)} bytes, durable`
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(0)} %`
  return [
    compare(name, 'bare', 'bare node:http', 0.6, percent),
    whyNoPeer === null
      ? compare(name, 'probot', 'Probot, empty handler', 2, (ratio) => `${ratio.toFixed(2)} ×`)
      : {
          name,
          ours: `${whole(rateOf('ours'))}/s`,
          against: `skipped: ${whyNoPeer}`,
          ratio: null,
          bar: '≥ 2 ×',
          isMet: null,
        },
  ]
}
