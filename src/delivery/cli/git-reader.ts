import { createHash } from 'node:crypto'
import {
  asCommitId,
  asTreeId,
  type CommitId,
  type FileChange,
  type GitCommit,
  inertPlain as inert,
  parseGitCommit,
  pathOf,
  type TreeId,
} from '../../core/index.ts'
import type { GitReader } from '../../flows/ports.ts'
import { locateClone, readRef } from './clone-directory.ts'
import { exitCode } from './exit-code.ts'
import { parseRawDiff } from './git-clone.ts'
import { type GitAnswer, type GitObject, openGit } from './git-process.ts'
import { Refusal } from './refusal.ts'

const refused = (what: string, answer: GitAnswer): Refusal =>
  new Refusal('clone-unreadable', `git cannot ${what}: ${inert(answer.err)}`, {
    exit: exitCode.unknown,
    remedy: 'Make a full clone (no --depth, no --filter) and name that; `git fsck` says whether this one is whole.',
  })

const corrupt = (what: string): Refusal =>
  new Refusal('clone-corrupt', what, { remedy: 'Do not trust this clone: make a new one from the forge yourself.' })

const idsOf = (answer: GitAnswer): readonly CommitId[] =>
  answer.out
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map(asCommitId)

const byPath = (a: FileChange, b: FileChange): number => (pathOf(a) < pathOf(b) ? -1 : 1)

/**
 * Opens a clone for reading; `searchPath` is where git is looked for. It ends with `close`, which removes what test merges wrote elsewhere.
 *
 * Trust: the clone may be a stranger's; see `openGit` for what of it is never looked at.
 * Checks: every commit that is read has the bytes that its id names; trees and blobs are hashed by `checkObjects`.
 * Does not check: collisions of SHA-1.
 * @throws Refusal no-clone, no-git, clone-unreadable, clone-corrupt
 */
export function openClone(directory: string, searchPath: string): GitReader {
  const clone = locateClone(directory)
  const git = openGit(clone, searchPath)
  const commits = new Map<CommitId, GitCommit>()

  /** An object whose bytes are those that its id names; null where the clone has none. */
  async function objectOf(id: string): Promise<GitObject> {
    const object = await git.object(id)
    if (object === null) return null
    const hash = createHash(git.isSha256 ? 'sha256' : 'sha1')
    const digest = hash.update(`${object.type} ${object.body.length}\0`).update(object.body).digest('hex')
    if (digest !== id) throw corrupt(`the clone's object ${id} has other bytes`)
    return object
  }
  async function commit(id: CommitId): Promise<GitCommit | null> {
    const known = commits.get(id)
    if (known !== undefined) return known
    const object = await objectOf(id)
    if (object === null) return null
    const parsed = object.type === 'commit' ? parseGitCommit(id, object.body) : undefined
    if (parsed === undefined) throw corrupt(`the clone's object ${id} is no commit`)
    commits.set(id, parsed)
    return parsed
  }
  async function ids(what: string, args: readonly string[]): Promise<readonly CommitId[]> {
    const answer = await git.run(args)
    if (answer.exit !== 0) throw refused(what, answer)
    return idsOf(answer)
  }
  const has = async (id: string): Promise<boolean> => (await git.run(['cat-file', '-e', id])).exit === 0

  const mergeBases: GitReader['mergeBases'] = async (a, b) => {
    const answer = await git.run(['merge-base', '--all', a, b])
    if (answer.exit > 1) throw refused('find where the histories part', answer)
    return idsOf(answer)
  }

  return {
    commit,
    mergeBases,
    async branchTip(ref) {
      for (const name of [`refs/remotes/origin/${ref}`, `refs/heads/${ref}`]) {
        const found = readRef(clone, name)
        if (found !== null) return found
      }
      return null
    },
    async firstParents(tip) {
      const answer = await git.run(['rev-list', '--first-parent', '--reverse', tip])
      return answer.exit === 0 ? idsOf(answer) : null
    },
    commitsBetween: (base, head) => ids('list commits', ['rev-list', '--topo-order', '--reverse', head, '--not', base]),
    async isAncestor(ancestor, of) {
      const answer = await git.run(['merge-base', '--is-ancestor', ancestor, of])
      if (answer.exit > 1) throw refused('compare histories', answer)
      return answer.exit === 0
    },
    async diff(from, to) {
      const answer = await git.run(['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', from, to])
      if (answer.exit === 0) return [...parseRawDiff(answer.out)].sort(byPath)
      if (!(await has(from)) || !(await has(to))) return null
      throw refused('compare trees', answer)
    },
    async files(of, isWanted) {
      const answer = await git.run(['ls-tree', '-r', '-z', '--full-tree', of])
      if (answer.exit !== 0) {
        if (await has(of)) throw refused('list files', answer)
        return null
      }
      const files = new Map<string, Uint8Array>()
      for (const line of answer.out.toString('utf8').split('\0')) {
        const [, id = '', path = ''] = /^[0-7]{6} blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? []
        if (path === '' || !isWanted(path)) continue
        const object = await objectOf(id)
        if (object === null) return null
        files.set(path, Uint8Array.from(object.body))
      }
      return files
    },
    async merge(base, head): Promise<{ state: 'clean'; tree: TreeId } | { state: 'conflict' }> {
      if ((await mergeBases(base, head)).length === 0) return { state: 'conflict' }
      const answer = await git.run(['merge-tree', '--write-tree', '--no-messages', '-z', base, head])
      if (answer.exit === 1) return { state: 'conflict' }
      if (answer.exit !== 0) throw refused('merge (it needs git 2.38)', answer)
      return { state: 'clean', tree: asTreeId(answer.out.toString('latin1').split('\0')[0] ?? '') }
    },
    async checkObjects() {
      const answer = await git.run(['fsck', '--full', '--no-dangling', '--no-progress'])
      if (answer.exit !== 0) throw corrupt(`git fsck finds the clone's objects wanting: ${inert(answer.err)}`)
    },
    close: () => git.close(),
  }
}
