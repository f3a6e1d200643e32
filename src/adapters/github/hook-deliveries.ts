import type { ForgeDeliveries } from '../../flows/ports.ts'
import { instantAt, objectOf, objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import type { Client } from './call.ts'
import { readPages } from './pages.ts'
import { idAt, objectAt, textAt } from './payload-fields.ts'

/** 100,000 deliveries; the forge keeps three days of them. */
const maxPages = 1_000
const maxText = 256

/** Makes the port that reads which webhooks the forge has sent. @see ForgeDeliveries for what it promises */
export function createHookDeliveries(client: Client): ForgeDeliveries {
  return {
    async list(since) {
      type Listed = Awaited<ReturnType<ForgeDeliveries['list']>>[number]
      const found: Listed[] = []
      const call = { as: { kind: 'app' }, kind: 'read', path: '/app/hook/deliveries' } as const
      await readPages(client, call, maxPages, ({ json }) =>
        reading(() => {
          for (const row of objectsOf(json, 'deliveries')) {
            const deliveredAt = instantAt(row, 'delivered_at', 'delivered_at')
            // Newest first: the first one that is too old ends the reading.
            if (deliveredAt < since) return false
            found.push({
              id: idAt(row, 'id', 'id'),
              guid: textAt(row, 'guid', 'guid', maxText),
              event: textAt(row, 'event', 'event', maxText),
              deliveredAt,
            })
          }
          return true
        }),
      )
      return found.reverse()
    },
    async fetch(id) {
      const { json } = await client.call({ as: { kind: 'app' }, kind: 'read', path: path`/app/hook/deliveries/${id}` })
      return reading(() => {
        const delivery = objectOf(json, 'delivery')
        const payload = objectAt(objectAt(delivery, 'request', 'request'), 'payload', 'request.payload')
        return {
          guid: textAt(delivery, 'guid', 'guid', maxText),
          event: textAt(delivery, 'event', 'event', maxText),
          body: new TextEncoder().encode(JSON.stringify(payload)),
        }
      })
    },
  }
}
