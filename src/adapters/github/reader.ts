import type { CheckFacts, CommitId } from '../../core/index.ts'
import type { Clock, ForgeComment, ForgeReader } from '../../flows/ports.ts'
import { instantAt, objectOf, objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { createChangeReader } from './change.ts'
import { listRuns } from './check-runs.ts'
import type { Client } from './call.ts'
import { createFilesReader } from './commit-files.ts'
import { readPages } from './pages.ts'
import { accountFrom, booleanAt, commitAt, idAt, objectAt, optionalObjectAt, refAt, textAt } from './payload-fields.ts'

const maxPages = 200
const maxComment = 65_536 * 2
const changeUrl = /\/pull\/([1-9]\d{0,14})#/

/** Makes the reader of facts. @see ForgeReader for what it promises */
export function createReader(client: Client, clock: Clock): ForgeReader {
  return {
    change: createChangeReader(client, clock),
    files: createFilesReader(client),

    async isPrivate(repository) {
      const as = { kind: 'installation', id: repository.installation } as const
      const { json } = await client.call({ as, kind: 'read', path: path`/repositories/${repository.id}` })
      return reading(() => booleanAt(objectOf(json, 'repository'), 'private', 'private'))
    },

    async openChanges(repository) {
      type Open = Awaited<ReturnType<ForgeReader['openChanges']>>[number]
      const found = new Map<number, Open>()
      const call = {
        as: { kind: 'installation', id: repository.installation },
        kind: 'read',
        path: path`/repositories/${repository.id}/pulls`,
        query: { state: 'open', sort: 'created', direction: 'asc' },
      } as const
      await readPages(client, call, maxPages, ({ json }) =>
        reading(() => {
          for (const row of objectsOf(json, 'pulls')) {
            const number = idAt(row, 'number', 'number')
            found.set(number, {
              number,
              head: commitAt(objectAt(row, 'head', 'head'), 'sha', 'head.sha'),
              baseRef: refAt(objectAt(row, 'base', 'base'), 'ref', 'base.ref'),
              updatedAt: instantAt(row, 'updated_at', 'updated_at'),
            })
          }
          return true
        }),
      )
      return [...found.values()]
    },

    async checkRuns(repository, head: CommitId) {
      const newest = new Map<string, { readonly id: number; readonly facts: CheckFacts }>()
      for (const run of await listRuns(client, repository, head, { filter: 'latest' })) {
        if (run.appId === null) continue
        const key = `${run.appId} ${run.name}`
        if ((newest.get(key)?.id ?? 0) > run.id) continue
        const conclusion = run.status === 'completed' ? run.conclusion : null
        // The workflow's path is told to Apps that may read Actions only, and this one does not ask for that.
        newest.set(key, { id: run.id, facts: { name: run.name, appId: run.appId, conclusion, workflow: null } })
      }
      return [...newest.values()].map((run) => run.facts)
    },

    async comments(repository, since) {
      const found = new Map<number, ForgeComment>()
      const call = {
        as: { kind: 'installation', id: repository.installation },
        kind: 'read',
        path: path`/repositories/${repository.id}/issues/comments`,
        // Whole seconds, rounded down: the forge keeps no finer time, and one comment twice is harmless.
        query: { since: `${new Date(since).toISOString().slice(0, 19)}Z`, sort: 'updated', direction: 'asc' },
      } as const
      await readPages(client, call, maxPages, ({ json }) =>
        reading(() => {
          for (const row of objectsOf(json, 'comments')) {
            const number = changeUrl.exec(textAt(row, 'html_url', 'html_url', 2048))?.[1]
            const user = optionalObjectAt(row, 'user', 'user')
            // Comments on plain issues, and of accounts that are gone, command nothing.
            if (number === undefined || user === null) continue
            const id = idAt(row, 'id', 'id')
            found.set(id, {
              id,
              number: Number(number),
              author: accountFrom(user, 'user'),
              body: row.body === null || row.body === undefined ? '' : textAt(row, 'body', 'body', maxComment),
              createdAt: instantAt(row, 'created_at', 'created_at'),
              updatedAt: instantAt(row, 'updated_at', 'updated_at'),
            })
          }
          return true
        }),
      )
      return [...found.values()].sort((a, b) => a.createdAt - b.createdAt || a.id - b.id)
    },
  }
}
