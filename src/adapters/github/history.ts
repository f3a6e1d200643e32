import type { CommitId, TreeId } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { ForgeHistory, ForgeLanding, ForgeRepository } from '../../flows/ports.ts'
import { objectOf, objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { filesBetween, gitCommitOf, refPath } from './change.ts'
import type { Client } from './call.ts'
import { readPages } from './pages.ts'
import { commitAt, gitIdAt, listAt, objectAt, textAt } from './payload-fields.ts'
import { createTrees } from './trees.ts'

/** 10,000 commits between two tips. */
const maxPages = 100

/** Makes the reader of branches and what landed on them. @see ForgeHistory for what it promises */
export function createHistory(client: Client): ForgeHistory {
  const asOf = (repository: ForgeRepository) => ({ kind: 'installation', id: repository.installation }) as const

  async function isThere(repository: ForgeRepository, commit: CommitId): Promise<boolean> {
    try {
      const where = path`/repositories/${repository.id}/git/commits/${commit}`
      const { json } = await client.call({ as: asOf(repository), kind: 'read', path: where })
      return reading(() => gitCommitOf(objectOf(json, 'commit'))).id === commit
    } catch (error) {
      if (error instanceof AppError && error.code === 'forge-not-found') return false
      throw error
    }
  }

  return {
    async branchTip(repository, ref) {
      const { json } = await client.call({
        as: asOf(repository),
        kind: 'read',
        path: `${path`/repositories/${repository.id}/branches`}/${refPath(ref)}`,
      })
      return reading(() => {
        const commit = objectAt(objectOf(json, 'branch'), 'commit', 'commit')
        const tree = objectAt(objectAt(commit, 'commit', 'commit.commit'), 'tree', 'commit.commit.tree')
        return { commit: commitAt(commit, 'sha', 'commit.sha'), tree: gitIdAt(tree, 'sha', 'tree.sha') as TreeId }
      })
    },

    async landings(repository, from, to) {
      if (from === to) return []
      const between = new Map<CommitId, ForgeLanding>()
      let isAhead = false
      const call = {
        as: asOf(repository),
        kind: 'read',
        path: path`/repositories/${repository.id}/compare/${from}...${to}`,
      } as const
      try {
        await readPages(client, call, maxPages, ({ json }) =>
          reading(() => {
            const answer = objectOf(json, 'compare')
            isAhead = textAt(answer, 'status', 'status', 16) === 'ahead'
            if (!isAhead) return false
            for (const row of objectsOf(listAt(answer, 'commits', 'commits'), 'commits')) {
              const tree = objectAt(objectAt(row, 'commit', 'commit'), 'tree', 'commit.tree')
              const commit = commitAt(row, 'sha', 'sha')
              const parents = objectsOf(listAt(row, 'parents', 'parents'), 'parents')
              between.set(commit, {
                commit,
                tree: gitIdAt(tree, 'sha', 'commit.tree.sha') as TreeId,
                parents: parents.map((parent) => commitAt(parent, 'sha', 'parents.sha')),
              })
            }
            return true
          }),
        )
      } catch (error) {
        // A tip that was forced away is collected some day, or shares no history: `from` then lies on no line to `to`.
        const isGone = error instanceof AppError && (error.code === 'forge-not-found' || error.data.status === 422)
        if (isGone && (await isThere(repository, to))) return null
        throw error
      }
      if (!isAhead) return null
      const line: ForgeLanding[] = []
      for (let at: CommitId | undefined = to; at !== from; ) {
        const landing: ForgeLanding | undefined = at === undefined ? undefined : between.get(at)
        if (landing === undefined) {
          // The first-parent line leaves the commits in between without meeting `from`: an ancestor, but not on the line.
          if (line.length > 0) return null
          throw new AppError('forge-incomplete', 'the comparison lacks its own tip', { data: { reason: 'commits' } })
        }
        line.push(landing)
        at = landing.parents[0]
      }
      return line.reverse()
    },

    async diff(repository, from, to) {
      const [before, after] = await createTrees(client, repository).pair(from, to)
      return filesBetween(before, after)
    },
  }
}
