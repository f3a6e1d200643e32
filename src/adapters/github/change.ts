import type { AccountId, CommitId, FileChange, JsonObject, MergeFacts, TreeId } from '../../core/index.ts'
import { diffTrees } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { Clock, ForgeAccount, ForgeChange, ForgeRepository, KnownChange } from '../../flows/ports.ts'
import { forgeDateOf, objectOf, objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { ChangeMoved, createCommitsReader, maxCommits } from './change-commits.ts'
import type { Answer, Client } from './call.ts'
import {
  accountFrom,
  booleanAt,
  commitAt,
  FieldFault,
  gitIdAt,
  idAt,
  listAt,
  objectAt,
  optionalObjectAt,
  refAt,
  repositoryFrom,
  textAt,
} from './payload-fields.ts'
import { createTrees } from './trees.ts'

type ReadChange = (repository: ForgeRepository, number: number, known: KnownChange | null) => Promise<ForgeChange>

interface Pull {
  readonly told: Pick<
    ForgeChange,
    'repository' | 'number' | 'state' | 'draft' | 'opener' | 'title' | 'body' | 'labels' | 'forgeDate'
  >
  readonly head: CommitId
  readonly baseRef: string
  /** Where the base stood when the head moved last; the forge does not keep it current. */
  readonly baseSha: CommitId
  readonly mergeable: boolean | null
  readonly mergeCommit: CommitId | null
  readonly commitCount: number
}

interface Comparison {
  readonly base: CommitId
  readonly mergeBase: CommitId
  readonly mergeBaseTree: TreeId
  readonly count: number
}

interface GitCommit {
  readonly id: CommitId
  readonly tree: TreeId
  readonly parents: readonly CommitId[]
}

/** Whom the forge shows in place of an account that is gone. */
const ghost: ForgeAccount = { id: 10137 as AccountId, login: 'ghost', isBot: false }

/** @throws FieldFault */
function pullOf(answer: Answer, repository: ForgeRepository): Pull {
  const pull = objectOf(answer.json, 'pull_request')
  const base = objectAt(pull, 'base', 'base')
  const host = objectAt(base, 'repo', 'base.repo')
  const identity = repositoryFrom(host, 'base.repo')
  if (identity.id !== repository.id) throw new FieldFault('base.repo.id')
  const isMerged = booleanAt(pull, 'merged', 'merged')
  const state = textAt(pull, 'state', 'state', 16)
  if (state !== 'open' && state !== 'closed') throw new FieldFault('state')
  const user = optionalObjectAt(pull, 'user', 'user')
  const labels = objectsOf(listAt(pull, 'labels', 'labels'), 'labels')
  return {
    told: {
      repository: { ...identity, private: booleanAt(host, 'private', 'base.repo.private') },
      number: idAt(pull, 'number', 'number'),
      state: isMerged ? 'merged' : state,
      draft: pull.draft === true,
      opener: user === null ? ghost : accountFrom(user, 'user'),
      title: textAt(pull, 'title', 'title', 4096),
      body: pull.body === null ? '' : textAt(pull, 'body', 'body', 1_000_000),
      labels: labels.map((label) => textAt(label, 'name', 'labels.name', 1024)),
      forgeDate: forgeDateOf(answer),
    },
    head: commitAt(objectAt(pull, 'head', 'head'), 'sha', 'head.sha'),
    baseRef: refAt(base, 'ref', 'base.ref'),
    baseSha: commitAt(base, 'sha', 'base.sha'),
    mergeable: pull.mergeable === null ? null : booleanAt(pull, 'mergeable', 'mergeable'),
    mergeCommit: pull.merge_commit_sha === null ? null : commitAt(pull, 'merge_commit_sha', 'merge_commit_sha'),
    commitCount: pull.commits === 0 ? 0 : idAt(pull, 'commits', 'commits'),
  }
}

/** @throws FieldFault */
export function gitCommitOf(from: JsonObject): GitCommit {
  const parents = objectsOf(listAt(from, 'parents', 'parents'), 'parents')
  return {
    id: commitAt(from, 'sha', 'sha'),
    tree: gitIdAt(objectAt(from, 'tree', 'tree'), 'sha', 'tree.sha') as TreeId,
    parents: parents.map((parent) => commitAt(parent, 'sha', 'parents.sha')),
  }
}

/**
 * The paths in which two listed trees differ.
 *
 * @throws AppError forge-incomplete for a changed name that is not UTF-8: the forge replaces its bytes, and two such
 * names may look alike
 */
export function filesBetween(...[before, after]: Parameters<typeof diffTrees>): readonly FileChange[] {
  const files = diffTrees(before, after)
  if (files.some((file) => (file.newPath ?? file.oldPath ?? '').includes('\ufffd'))) {
    throw new AppError('forge-incomplete', 'the forge cannot tell the name of a changed file', {
      data: { reason: 'path-not-utf8' },
    })
  }
  return files
}

/**
 * Makes the reader of whole pull requests.
 *
 * An ordinary new head takes six reads: pull request; comparison with its base branch, commits and test merge at once;
 * both trees at once. A head that `known` describes takes one read, two when its test merge or base has to be looked at.
 * Checks: the test merge is one of this head into the base's present tip; anything else is `unknown`, never a tree.
 * @throws AppError forge-incomplete rather than a partial list; forge-unavailable when the head keeps moving
 */
export function createChangeReader(client: Client, clock: Clock): ReadChange {
  const commitsReader = createCommitsReader(client, clock)

  return async (repository, number, known) => {
    const as = { kind: 'installation', id: repository.installation } as const
    const trees = createTrees(client, repository)

    const get = (where: string, query?: Record<string, string | number>) =>
      client.call({ as, kind: 'read', path: where, ...(query === undefined ? {} : { query }) })

    async function compare(base: string, head: CommitId): Promise<Comparison> {
      const { json } = await get(path`/repositories/${repository.id}/compare/${base}...${head}`, {
        per_page: 1,
        page: 2,
      })
      return reading(() => {
        const answer = objectOf(json, 'compare')
        const start = objectAt(answer, 'merge_base_commit', 'merge_base_commit')
        const tree = objectAt(objectAt(start, 'commit', 'merge_base_commit.commit'), 'tree', 'merge_base_commit.tree')
        return {
          base: commitAt(objectAt(answer, 'base_commit', 'base_commit'), 'sha', 'base_commit.sha'),
          mergeBase: commitAt(start, 'sha', 'merge_base_commit.sha'),
          mergeBaseTree: gitIdAt(tree, 'sha', 'merge_base_commit.tree.sha') as TreeId,
          count: answer.total_commits === 0 ? 0 : idAt(answer, 'total_commits', 'total_commits'),
        }
      })
    }

    async function gitCommit(id: CommitId): Promise<GitCommit> {
      const { json } = await get(path`/repositories/${repository.id}/git/commits/${id}`)
      return reading(() => gitCommitOf(objectOf(json, 'commit')))
    }

    async function stateNow(): Promise<string> {
      const { json } = await get(path`/repositories/${repository.id}/pulls/${number}`)
      return reading(() => textAt(objectOf(json, 'pull request'), 'state', 'state', 16))
    }

    async function tipOf(ref: string): Promise<CommitId> {
      const { json } = await get(`${path`/repositories/${repository.id}/git/ref/heads`}/${refPath(ref)}`)
      return reading(() => commitAt(objectAt(objectOf(json, 'ref'), 'object', 'object'), 'sha', 'object.sha'))
    }

    /** The base's present tip and where head left it, and the test merge if it is one of exactly these two. */
    async function settle(
      pull: Pull,
      first: Comparison,
      merged: GitCommit | null,
    ): Promise<{ comparison: Comparison; merge: MergeFacts }> {
      // A base that holds the head has merged it since the pull request was read as open: nothing of it is left to judge.
      if (pull.told.state === 'open' && first.mergeBase === pull.head) throw new ChangeMoved()
      const isOfHead = merged !== null && merged.parents.length === 2 && merged.parents[1] === pull.head
      const unmerged: MergeFacts = { state: pull.mergeable === false ? 'conflict' : 'unknown' }
      if (isOfHead && merged.parents[0] === first.base) {
        return { comparison: first, merge: { state: 'clean', tree: merged.tree } }
      }
      if (!isOfHead && first.base === pull.baseSha) return { comparison: first, merge: unmerged }
      // A tag may bear the branch's name, and the branch may have moved since: only the ref itself tells.
      const tip = await tipOf(pull.baseRef)
      const comparison = tip === first.base ? first : await compare(tip, pull.head)
      if (pull.told.state === 'open' && comparison.mergeBase === pull.head) throw new ChangeMoved()
      if (isOfHead && merged.parents[0] === tip) return { comparison, merge: { state: 'clean', tree: merged.tree } }
      // The base moved on since the pull request was read; it may be this one's own merge, squashed, that moved it.
      if (pull.told.state === 'open' && isOfHead && (await stateNow()) !== 'open') throw new ChangeMoved()
      return { comparison, merge: unmerged }
    }

    async function readOnce(): Promise<ForgeChange> {
      const answer = await get(path`/repositories/${repository.id}/pulls/${number}`)
      const pull = reading(() => pullOf(answer, repository))
      const { head } = pull
      const isOpen = pull.told.state === 'open'
      const same = known !== null && known.head.sha === head && known.base.ref === pull.baseRef ? known : null
      const testMerge = isOpen && pull.mergeable === true ? pull.mergeCommit : null
      const shownMerge = pull.told.state === 'merged' ? pull.mergeCommit : null

      const reuse = (
        from: KnownChange,
        base: CommitId,
        merge: MergeFacts,
        mergeCommit: CommitId | null,
      ): ForgeChange => ({
        ...pull.told,
        head: from.head,
        base: { ref: pull.baseRef, sha: base },
        mergeBase: from.mergeBase,
        files: from.files,
        commits: from.commits,
        merge,
        mergeCommit,
      })
      if (same !== null && !isOpen) return reuse(same, same.base.sha, { state: 'unknown' }, shownMerge)
      if (same !== null && testMerge !== null && testMerge === same.mergeCommit && same.merge.state === 'clean') {
        return reuse(same, same.base.sha, same.merge, testMerge)
      }
      let merged: GitCommit | null = null
      if (same !== null && testMerge !== null) {
        merged = await gitCommit(testMerge)
        if (merged.parents.length === 2 && merged.parents[0] === same.base.sha && merged.parents[1] === head) {
          return reuse(same, same.base.sha, { state: 'clean', tree: merged.tree }, testMerge)
        }
      }
      if (same !== null) {
        const settled = await settle(pull, await compare(pull.baseRef, head), merged)
        if (settled.comparison.mergeBase === same.mergeBase) {
          return reuse(same, settled.comparison.base, settled.merge, settled.merge.state === 'clean' ? testMerge : null)
        }
      }

      const wanted = { repository, name: pull.told.repository.name, number, head, count: pull.commitCount }
      if (pull.commitCount > maxCommits) await commitsReader.read(wanted)
      const [first, listed, mergedNow] = await Promise.all([
        compare(isOpen ? pull.baseRef : pull.baseSha, head),
        commitsReader.read(wanted),
        merged ?? (testMerge === null ? null : gitCommit(testMerge)),
      ])
      const { comparison, merge } = await settle(pull, first, mergedNow)
      if (comparison.count > listed.commits.length) {
        throw new AppError('forge-incomplete', "the forge does not list all of the change's commits", {
          data: { reason: 'commits', listed: listed.commits.length, total: comparison.count },
        })
      }
      const headTree = listed.headTree ?? (await gitCommit(head)).tree
      const [before, after] = await trees.pair(comparison.mergeBaseTree, headTree)
      return {
        ...pull.told,
        head: { sha: head, tree: headTree },
        base: { ref: pull.baseRef, sha: comparison.base },
        mergeBase: comparison.mergeBase,
        merge,
        mergeCommit: isOpen ? (merge.state === 'clean' ? testMerge : null) : shownMerge,
        files: filesBetween(before, after),
        commits: listed.commits,
      }
    }

    for (let tries = 1; ; tries++) {
      try {
        return await readOnce()
      } catch (error) {
        if (!(error instanceof ChangeMoved)) throw error
        if (tries >= 3) throw new AppError('forge-unavailable', 'the head moves while it is read', { cause: error })
      }
    }
  }
}

/** A ref as part of a path: its slashes separate segments. */
export const refPath = (ref: string): string =>
  ref
    .replace(/^refs\/heads\//, '')
    .split('/')
    .map((part) => path`${part}`)
    .join('/')
