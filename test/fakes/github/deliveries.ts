/** Webhooks: signed, sent over real HTTP, kept three days, never sent again by GitHub itself. */
import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import { ALWAYS_SENT } from './apps.ts'
import { covers } from './apps-auth.ts'
import { organizationShape, repositoryShape } from './shapes.ts'
import { type App, type Delivery, type Json, randomHex, type Repository, type World } from './world.ts'

/** Selects deliveries by event and action; an empty one selects all. */
export type DeliveryMatch = { event?: string; action?: string }

/** How the next deliveries misbehave. */
export type DeliveryFaults = {
  /** The next `times` matching deliveries never reach the receiver; with `logged: false` even GitHub's list lacks them. */
  dropNext: (times: number, match?: DeliveryMatch & { logged?: boolean }) => void
  /** The next `times` matching deliveries arrive twice under the same GUID. */
  duplicateNext: (times: number, match?: DeliveryMatch) => void
  /** Every delivery waits so many real milliseconds first; 0 ends it. */
  delay: (ms: number) => void
  /** Holds every delivery back until `release`. */
  hold: () => void
  /** Sends what was held, one after the other, in the given order. */
  release: (order?: 'as-made' | 'reversed' | 'shuffled') => Promise<void>
}

/** The sender of webhooks and its log. */
export type Deliveries = DeliveryFaults & {
  /** Resolves when nothing is being sent or waiting (held deliveries do not count). */
  settled: () => Promise<void>
  /** Attempts still kept, newest first. */
  log: (app: App) => Delivery[]
  /** Sends one delivery again under its GUID, as `POST …/attempts` does. */
  redeliver: (app: App, delivery: Delivery) => void
  /** Ends connections to receivers. */
  close: () => void
}

const THREE_DAYS = 3 * 86_400_000

/** Connects `world.emit` to real HTTP. */
export function createDeliveries(world: World): Deliveries {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const running = new Set<Promise<void>>()
  const drops: { times: number; match: DeliveryMatch & { logged?: boolean } }[] = []
  const duplicates: { times: number; match: DeliveryMatch }[] = []
  let held: (() => Promise<void>)[] | null = null
  let delayMs = 0

  const take = <T extends { times: number; match: DeliveryMatch }>(
    list: T[],
    event: string,
    action: string | null,
  ): T | null => {
    const hit = list.find(
      ({ times, match }) => times > 0 && (match.event ?? event) === event && (match.action ?? action) === action,
    )
    if (hit === undefined) return null
    hit.times--
    return hit
  }

  const post = (app: App, delivery: Delivery): Promise<void> =>
    new Promise((done) => {
      const started = performance.now()
      const finish = (statusCode: number, status: string, headers: Record<string, string>, body: string) => {
        Object.assign(delivery, {
          durationMs: performance.now() - started,
          statusCode,
          status,
          responseHeaders: headers,
          responseBody: body,
          done: true,
        })
        done()
      }
      if (app.webhookUrl === null) return finish(0, 'no webhook url', {}, '')
      const outgoing = request(app.webhookUrl, {
        method: 'POST',
        agent,
        headers: { ...delivery.requestHeaders, 'Content-Length': String(Buffer.byteLength(delivery.payload)) },
      })
      const timer = setTimeout(() => {
        finish(0, 'timed out', {}, '')
        outgoing.destroy()
      }, world.settings.deliveryTimeoutMs)
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => {})
        response.on('close', () => {
          clearTimeout(timer)
          if (delivery.done) return
          const code = response.statusCode ?? 0
          const headers = Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
          )
          finish(
            code,
            code >= 200 && code < 300 ? 'OK' : `Invalid HTTP Response: ${code}`,
            headers,
            Buffer.concat(chunks).toString(),
          )
        })
      })
      outgoing.on('error', () => {
        clearTimeout(timer)
        if (!delivery.done) finish(0, 'failed to connect to host', {}, '')
      })
      outgoing.end(delivery.payload)
    })

  const start = (job: () => Promise<void>) => {
    const promise = job().finally(() => running.delete(promise))
    running.add(promise)
    return promise
  }
  const schedule = (app: App, delivery: Delivery) => {
    const job = async () => {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
      await post(app, delivery)
    }
    if (held !== null) held.push(job)
    else void start(job)
  }
  const keep = (app: App, delivery: Delivery) => {
    app.deliveries.push(delivery)
    if (app.deliveries.length > world.settings.deliveriesKept)
      app.deliveries.splice(0, app.deliveries.length - world.settings.deliveriesKept)
  }
  const attempt = (
    app: App,
    event: string,
    guid: string,
    payload: string,
    about: Pick<Delivery, 'action' | 'installationId' | 'repositoryId' | 'redelivery'>,
  ): Delivery => {
    const headers: Record<string, string> = {
      Accept: '*/*',
      'Content-Type': 'application/json',
      'User-Agent': `GitHub-Hookshot/${randomHex(world, 7)}`,
      'X-GitHub-Delivery': guid,
      'X-GitHub-Event': event,
      'X-GitHub-Hook-ID': String(app.hookId),
      'X-GitHub-Hook-Installation-Target-ID': String(app.id),
      'X-GitHub-Hook-Installation-Target-Type': 'integration',
    }
    if (app.webhookSecret !== null) {
      headers['X-Hub-Signature'] = `sha1=${createHmac('sha1', app.webhookSecret).update(payload).digest('hex')}`
      headers['X-Hub-Signature-256'] = `sha256=${createHmac('sha256', app.webhookSecret).update(payload).digest('hex')}`
    }
    return {
      id: world.nextId(),
      guid,
      at: world.clock.now(),
      durationMs: 0,
      status: 'pending',
      statusCode: 0,
      event,
      requestHeaders: headers,
      payload,
      responseHeaders: {},
      responseBody: '',
      done: false,
      ...about,
    }
  }

  world.emit = (event: string, payload: Json, repository: Repository | null, only?: App) => {
    const action = typeof payload.action === 'string' ? payload.action : null
    for (const app of only === undefined ? world.apps.values() : [only]) {
      if (app.webhookUrl === null) continue
      if (!ALWAYS_SENT.includes(event) && !app.events.includes(event)) continue
      let installationId: number | null = null
      const body: Json = { ...payload }
      if (repository !== null) {
        const installation = [...world.installations.values()].find((one) => one.app === app && covers(one, repository))
        if (installation === undefined || installation.suspendedAt !== null) continue
        installationId = installation.id
        body.repository = repositoryShape(world, repository)
        if (repository.owner.type === 'Organization') body.organization = organizationShape(world, repository.owner)
        body.installation = { id: installation.id, node_id: Buffer.from(`I:${installation.id}`).toString('base64url') }
      } else if (typeof body.installation === 'object' && body.installation !== null) {
        installationId = (body.installation as { id: number }).id
      }
      const about = { action, installationId, repositoryId: repository?.id ?? null, redelivery: false }
      const delivery = attempt(app, event, guidFrom(world), JSON.stringify(body), about)
      const drop = take(drops, event, action)
      if (drop !== null) {
        Object.assign(delivery, { status: 'failed to connect to host', done: true })
        if (drop.match.logged !== false) keep(app, delivery)
        continue
      }
      keep(app, delivery)
      schedule(app, delivery)
      if (take(duplicates, event, action) !== null) schedule(app, { ...delivery })
    }
  }

  return {
    dropNext: (times, match = {}) => void drops.push({ times, match }),
    duplicateNext: (times, match = {}) => void duplicates.push({ times, match }),
    delay: (ms) => {
      delayMs = ms
    },
    hold: () => {
      held ??= []
    },
    release: async (order = 'as-made') => {
      const jobs = held ?? []
      held = null
      if (order === 'reversed') jobs.reverse()
      if (order === 'shuffled')
        for (let i = jobs.length - 1; i > 0; i--) swap(jobs, i, Math.floor(world.random() * (i + 1)))
      for (const job of jobs) await start(job)
    },
    settled: async () => {
      while (running.size > 0) await Promise.all([...running])
    },
    log: (app) => app.deliveries.filter((delivery) => delivery.at > world.clock.now() - THREE_DAYS).reverse(),
    redeliver: (app, delivery) => {
      const again = attempt(app, delivery.event, delivery.guid, delivery.payload, {
        ...pickAbout(delivery),
        redelivery: true,
      })
      keep(app, again)
      schedule(app, again)
    },
    close: () => agent.destroy(),
  }
}

const pickAbout = ({ action, installationId, repositoryId }: Delivery) => ({ action, installationId, repositoryId })

function swap<T>(list: T[], a: number, b: number): void {
  const [x, y] = [list[a], list[b]]
  if (x !== undefined && y !== undefined) [list[a], list[b]] = [y, x]
}

function guidFrom(world: World): string {
  const hex = randomHex(world, 32)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
