import type { ForgeComments, ForgeRepository } from '../../flows/ports.ts'
import { objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { writtenId } from './checks.ts'
import type { Client } from './call.ts'
import { readPages } from './pages.ts'
import { idAt, optionalObjectAt } from './payload-fields.ts'
import { clipUnits } from './text-limits.ts'

const maxPages = 200
const maxBody = 65_536

/** Makes the port that speaks on pull requests. @see ForgeComments for what it promises */
export function createComments(client: Client): ForgeComments {
  const asOf = (repository: ForgeRepository) => ({ kind: 'installation', id: repository.installation }) as const

  return {
    async find(repository, number, marker) {
      let newest: number | null = null
      const call = {
        as: asOf(repository),
        kind: 'read',
        path: path`/repositories/${repository.id}/issues/${number}/comments`,
      } as const
      await readPages(client, call, maxPages, ({ json }) =>
        reading(() => {
          for (const row of objectsOf(json, 'comments')) {
            // A person who writes through our App, or who copies the marker, is not us.
            const app = optionalObjectAt(row, 'performed_via_github_app', 'performed_via_github_app')
            const isOurs = app?.id === client.appId && optionalObjectAt(row, 'user', 'user')?.type === 'Bot'
            if (!isOurs || typeof row.body !== 'string' || !row.body.includes(marker)) continue
            newest = Math.max(newest ?? 0, idAt(row, 'id', 'id'))
          }
          return true
        }),
      )
      return newest
    },
    async create(repository, number, body) {
      const { json } = await client.call({
        as: asOf(repository),
        kind: 'write',
        method: 'POST',
        path: path`/repositories/${repository.id}/issues/${number}/comments`,
        body: { body: clipUnits(body, maxBody) },
      })
      return writtenId(json)
    },
    async update(repository, id, body) {
      await client.call({
        as: asOf(repository),
        kind: 'write',
        method: 'PATCH',
        path: path`/repositories/${repository.id}/issues/comments/${id}`,
        body: { body: clipUnits(body, maxBody) },
      })
    },
  }
}
