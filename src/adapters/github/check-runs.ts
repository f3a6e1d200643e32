import type { CommitId, JsonObject } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { ForgeCheck, ForgeRepository } from '../../flows/ports.ts'
import { instantAt, objectOf, objectsOf, reading } from './answers.ts'
import { path, type Query } from './api-address.ts'
import type { Client } from './call.ts'
import { readPages } from './pages.ts'
import { idAt, listAt, optionalObjectAt, textAt } from './payload-fields.ts'

/** A check run with the App that made it; null where that App is gone. */
export type ListedRun = ForgeCheck & { readonly appId: number | null }

const maxPages = 100
const maxText = 4096

const optionalText = (from: JsonObject, key: string): string | null =>
  from[key] === null || from[key] === undefined ? null : textAt(from, key, key, maxText)

/** @throws FieldFault */
function runOf(row: JsonObject): ListedRun {
  const app = optionalObjectAt(row, 'app', 'app')
  const output = optionalObjectAt(row, 'output', 'output')
  const isStarted = row.started_at !== null && row.started_at !== undefined
  return {
    id: idAt(row, 'id', 'id'),
    name: textAt(row, 'name', 'name', maxText),
    status: textAt(row, 'status', 'status', 64),
    conclusion: optionalText(row, 'conclusion'),
    title: output === null ? null : optionalText(output, 'title'),
    startedAt: isStarted ? instantAt(row, 'started_at', 'started_at') : null,
    appId: app === null ? null : idAt(app, 'id', 'app.id'),
  }
}

/**
 * Every check run on a commit that the query selects, as the forge orders them.
 *
 * @throws AppError forge-incomplete when pages end before the forge's own count
 */
export async function listRuns(
  client: Client,
  repository: ForgeRepository,
  head: CommitId,
  query: Query,
): Promise<readonly ListedRun[]> {
  const found = new Map<number, ListedRun>()
  let total = 0
  const call = {
    as: { kind: 'installation', id: repository.installation },
    kind: 'read',
    path: path`/repositories/${repository.id}/commits/${head}/check-runs`,
    query,
  } as const
  await readPages(client, call, maxPages, ({ json }) =>
    reading(() => {
      const answer = objectOf(json, 'check_runs')
      total = answer.total_count === 0 ? 0 : idAt(answer, 'total_count', 'total_count')
      for (const row of objectsOf(listAt(answer, 'check_runs', 'check_runs'), 'check_runs')) {
        const run = runOf(row)
        found.set(run.id, run)
      }
      return true
    }),
  )
  if (found.size < total) {
    throw new AppError('forge-incomplete', 'the list ends before its own count', {
      data: { reason: 'check-runs', listed: found.size, total },
    })
  }
  return [...found.values()]
}
