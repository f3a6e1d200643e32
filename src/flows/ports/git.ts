/** A clone, read as git objects and nothing else: what a stranger can see without the forge and without us. */
import type { CommitId, FileChange, GitCommit, TreeId } from '../../core/index.ts'

/**
 * Reads one clone. Nothing of the clone runs, nothing of it is configuration, nothing in it is changed, and no network is
 * asked. An object that the clone lacks is an answer (null), never an error.
 * @throws AppError clone-unreadable when git refuses, its answer is not understood or over its limits
 */
export interface GitReader {
  /** The commit that a branch of the clone points to: its own branch, or that of the remote `origin`. */
  branchTip(ref: string): Promise<CommitId | null>
  commit(id: CommitId): Promise<GitCommit | null>
  /** The first-parent line that ends at `tip`, oldest first; null when the clone does not hold all of it. */
  firstParents(tip: CommitId): Promise<readonly CommitId[] | null>
  /** Commits that `head` has and `base` has not, oldest first. */
  commitsBetween(base: CommitId, head: CommitId): Promise<readonly CommitId[]>
  /** All best common ancestors. */
  mergeBases(a: CommitId, b: CommitId): Promise<readonly CommitId[]>
  isAncestor(ancestor: CommitId, of: CommitId): Promise<boolean>
  /** Paths that differ between two commits or trees, as `diffTrees` lists them; null when the clone lacks one of them. */
  diff(from: CommitId | TreeId, to: CommitId | TreeId): Promise<readonly FileChange[] | null>
  /** Bytes of the wanted files of a commit or tree, by path; submodules are no files. Null when the clone lacks it or a part. */
  files(of: CommitId | TreeId, isWanted: (path: string) => boolean): Promise<ReadonlyMap<string, Uint8Array> | null>
  /** Git's own merge of `head` into `base`, without looking at a working tree. */
  merge(
    base: CommitId,
    head: CommitId,
  ): Promise<{ readonly state: 'clean'; readonly tree: TreeId } | { readonly state: 'conflict' }>
  /**
   * Hashes every object of the clone. Git itself trusts its files when it reads them; a clone that git did not make may hold
   * other bytes than an id names. @throws AppError clone-corrupt
   */
  checkObjects(): Promise<void>
  close(): Promise<void>
}
