import { AppError } from '../../flows/app-error.ts'
import type { CheckContent, ForgeChecks, ForgeRepository } from '../../flows/ports.ts'
import { objectOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { listRuns } from './check-runs.ts'
import type { Client } from './call.ts'
import { idAt } from './payload-fields.ts'
import { clipBytes, clipUnits } from './text-limits.ts'

const maxTitle = 255
const maxSummaryBytes = 65_535
const maxName = 255

/** Makes the port that shows verdicts as check runs of our App. @see ForgeChecks for what it promises */
export function createChecks(client: Client): ForgeChecks {
  function bodyOf(name: string, content: CheckContent, detailsUrl: string | null) {
    if (name === '' || name.length > maxName) {
      throw new AppError('forge-rejected', 'the check has no name that the forge takes', { data: { reason: 'name' } })
    }
    return {
      name,
      status: 'completed',
      conclusion: content.conclusion,
      ...(detailsUrl === null ? {} : { details_url: detailsUrl }),
      output: { title: clipUnits(content.title, maxTitle), summary: clipBytes(content.summary, maxSummaryBytes) },
    }
  }
  const asOf = (repository: ForgeRepository) => ({ kind: 'installation', id: repository.installation }) as const

  return {
    async list(repository, head, name) {
      const query = { check_name: name, app_id: client.appId, filter: 'all' }
      const runs = await listRuns(client, repository, head, query)
      // The forge filters by App; a run of another one that carries our name must still never be taken for ours.
      return runs
        .filter((run) => run.appId === client.appId && run.name === name)
        .map(({ id, name: shown, status, conclusion, title, startedAt }) => ({
          id,
          name: shown,
          status,
          conclusion,
          title,
          startedAt,
        }))
        .sort((a, b) => a.id - b.id)
    },
    async create(repository, head, name, content, detailsUrl) {
      const { json } = await client.call({
        as: asOf(repository),
        kind: 'write',
        method: 'POST',
        path: path`/repositories/${repository.id}/check-runs`,
        body: { head_sha: head, ...bodyOf(name, content, detailsUrl) },
      })
      return writtenId(json)
    },
    async update(repository, id, name, content, detailsUrl) {
      await client.call({
        as: asOf(repository),
        kind: 'write',
        method: 'PATCH',
        path: path`/repositories/${repository.id}/check-runs/${id}`,
        body: bodyOf(name, content, detailsUrl),
      })
    },
  }
}

/** The id of what was just made. @throws AppError forge-ambiguous: it was made, under an id that the answer does not tell */
export function writtenId(json: unknown): { readonly id: number } {
  try {
    return reading(() => ({ id: idAt(objectOf(json, 'written'), 'id', 'id') }))
  } catch (cause) {
    throw new AppError('forge-ambiguous', 'a write was answered without an id', { cause })
  }
}
