import { createHmac } from 'node:crypto'
import { nonceKeyName, saltKeyName } from '../src/compose-names.ts'
import { buildProduct, sendBurst, startProcess } from './child.ts'
import { officialPayload } from './intake.ts'
import { type Bench, type Outcome, whole } from './outcome.ts'
import { launchFlags } from '../test/fakes/launch-flags.ts'
import { startStand } from './stand.ts'

const changes = 100
const samples = 50
/** Recurring jobs and timers wait in the queue for their time; what is beyond them still has to be done. */
const slack = 20

type Payload = Record<string, unknown> & {
  pull_request: Record<string, unknown> & { head: Record<string, unknown>; base: Record<string, unknown> }
  repository: Record<string, unknown>
  installation?: Record<string, unknown>
}

/**
 * Resident memory of the server's own process while webhooks keep coming for many pull requests, each of them taken,
 * judged on facts from the stand-in and settled.
 */
export const benchMemory: Bench = async ({ isQuick, progress }) => {
  const total = isQuick ? 1_500 : 100_000
  buildProduct()
  const stand = await startStand()
  const { deployment: d } = stand
  const pulls = Array.from({ length: changes }, (_, i) => {
    const branch = `memory-${i}`
    d.fake.commit('acme/sdk', branch, { author: 'alice', message: 'one', files: { [`docs/page-${i}.md`]: 'text\n' } })
    return d.fake.openPullRequest({ repo: 'acme/sdk', head: branch, author: 'alice', title: `Change ${i}` })
  })
  await d.settled()
  // The process takes the server's place: its memory holds neither the stand-in nor the load.
  await stand.stopServer()
  d.fake.setWebhook(d.config.github.appId, { url: null })
  const secrets: Record<string, string> = {}
  for (const name of ['github-app', 'github-webhook', nonceKeyName, saltKeyName])
    secrets[name] = Buffer.from(await d.custody.reveal(name)).toString('base64')
  const { file, key } = stand.database
  const settings = {
    config: d.config,
    database: { file, key: Buffer.from(key).toString('base64') },
    secrets,
  }
  // As bin/governance starts it.
  process.env['MALLOC_ARENA_MAX'] ??= '2'
  const server = startProcess('processes/gate-server.ts', [JSON.stringify(settings)], {
    execArgv: launchFlags,
  })
  const load = startProcess('processes/load.ts')
  const stateOf = async () => {
    const answer = server.next('state')
    server.child.send('state')
    return answer
  }
  try {
    const { port } = await server.next('listening')
    const bodies = pulls.map((pull) => {
      const payload = JSON.parse(officialPayload()) as Payload
      payload['number'] = pull.number
      payload.pull_request['number'] = pull.number
      payload.pull_request.head['sha'] = pull.headSha
      payload.pull_request.base['ref'] = pull.baseRef
      payload.repository['id'] = d.repositoryId('acme/sdk')
      payload.repository['full_name'] = 'acme/sdk'
      const body = JSON.stringify(payload)
      const signature = `sha256=${createHmac('sha256', d.webhookSecret).update(body).digest('hex')}`
      return { body, signature }
    })
    const rss: number[] = []
    let largest = 0
    for (let sample = 1; sample <= samples; sample++) {
      const requests = total / samples
      const path = '/webhooks/github'
      await sendBurst(load, { port, path, connections: 4, ms: 0, requests, event: 'pull_request', bodies })
      let state = await stateOf()
      while (state.queued > changes + slack) {
        largest = Math.max(largest, state.rssBytes)
        await new Promise((resolve) => setTimeout(resolve, 100))
        state = await stateOf()
      }
      if (state.dead > 0) throw new Error(`${state.dead} jobs died`)
      rss.push(state.rssBytes)
      largest = Math.max(largest, state.rssBytes)
      if (sample % 10 === 0) progress(`memory: ${whole(requests * sample)} deliveries, ${megabytes(state.rssBytes)} MB`)
    }
    return outcomesOf(rss, largest, total)
  } finally {
    await Promise.all([server.stop(), load.stop()])
    await stand.close()
  }
}

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)

function outcomesOf(rss: readonly number[], largest: number, total: number): Outcome[] {
  const around = (share: number): number => {
    const at = Math.round(rss.length * share)
    const near = rss.slice(Math.max(0, at - 5), at)
    return near.reduce((sum, value) => sum + value, 0) / near.length
  }
  const [early, late] = [around(0.2), around(1)]
  return [
    {
      name: `memory, largest over ${whole(total)} deliveries`,
      ours: `${megabytes(largest)} MB`,
      against: '200 MB',
      ratio: (largest / 200 / 2 ** 20).toFixed(2),
      bar: '≤ 200 MB',
      isMet: largest <= 200 * 2 ** 20,
    },
    {
      name: 'memory at the end against a fifth of the way',
      ours: `${megabytes(late)} MB`,
      against: `${megabytes(early)} MB`,
      ratio: `${(late / early).toFixed(2)} ×`,
      bar: '≤ 1.15 ×',
      isMet: late / early <= 1.15,
    },
  ]
}
