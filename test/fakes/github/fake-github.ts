/** The project's GitHub stand-in: one call makes it, `listen` starts it on 127.0.0.1. */
import type { AddressInfo } from 'node:net'
import { createAccount } from './accounts.ts'
import { createControl } from './control.ts'
import type { Control } from './control-api.ts'
import { controlHandler } from './control-http.ts'
import { createDeliveries } from './deliveries.ts'
import { createFaults } from './faults.ts'
import { createApiServer } from './server.ts'
import { type Clock, createWorld, type Settings } from './world.ts'

/** How a stand-in is made. */
export type FakeGitHubOptions = {
  clock: Clock
  /** Numbers in [0, 1); the default is `Math.random`. */
  random?: () => number
  settings?: Partial<Settings>
  /** Offers `/_control` over HTTP as well, for tests that run it as a process of its own. */
  withControlRoutes?: boolean
}

/** A stand-in: its address, its life, and everything that can happen at it. */
export type FakeGitHub = Control & {
  /** `http://127.0.0.1:port`, empty before `listen`; API at `/` and at `/api/v3`. */
  readonly url: string
  listen: (port?: number) => Promise<string>
  /** Ends every connection; webhooks on their way are cut. */
  close: () => Promise<void>
}

const DEFAULTS: Settings = {
  mergeableReads: 1,
  mergeableMs: 10_000,
  treeLimit: 100_000,
  rateLimit: 5000,
  deliveriesKept: 5000,
  graphql: true,
  deliveryTimeoutMs: 10_000,
}

/** Makes a stand-in with an empty world (but for GitHub's own `web-flow`). */
export function createFakeGitHub(options: FakeGitHubOptions): FakeGitHub {
  const world = createWorld(options.clock, options.random ?? Math.random, { ...DEFAULTS, ...options.settings })
  createAccount(world, 'web-flow', 'User', ['noreply@github.com'])
  const deliveries = createDeliveries(world)
  const faults = createFaults(world)
  const control = createControl(world, deliveries, faults)
  const handler = options.withControlRoutes === true ? controlHandler(control, options.clock) : null
  const server = createApiServer({ world, deliveries, faults, control: handler })
  return {
    ...control,
    get url() {
      return world.url
    },
    listen: async (port = 0) => {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', resolve)
      })
      world.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      return world.url
    },
    close: async () => {
      deliveries.close()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
