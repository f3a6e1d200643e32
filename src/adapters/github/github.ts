import type { ForgeChecks, ForgeComments, ForgeDeliveries, ForgeHistory, ForgeReader } from '../../flows/ports.ts'
import { createAdmin, type GitHubAdmin } from './admin.ts'
import { createChecks } from './checks.ts'
import { createClient, type GitHubOptions } from './client.ts'
import { createComments } from './comments.ts'
import { createHistory } from './history.ts'
import { createHookDeliveries } from './hook-deliveries.ts'
import { createReader } from './reader.ts'

/** Everything this adapter offers, over one client with one set of limits. */
export interface GitHub {
  readonly reader: ForgeReader
  readonly history: ForgeHistory
  readonly checks: ForgeChecks
  readonly comments: ForgeComments
  readonly deliveries: ForgeDeliveries
  readonly admin: GitHubAdmin
}

/** Connects to GitHub, or to an Enterprise Server by its `apiUrl`. Sends nothing yet. @throws AppError config-invalid */
export function createGitHub(options: GitHubOptions): GitHub {
  const client = createClient(options)
  return {
    reader: createReader(client, options.clock),
    history: createHistory(client),
    checks: createChecks(client),
    comments: createComments(client),
    deliveries: createHookDeliveries(client),
    admin: createAdmin(client),
  }
}
