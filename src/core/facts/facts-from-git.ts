import type { CommitId, TreeId } from '../ids.ts'
import { accountOfAddress, trailerAddresses } from './commit-words.ts'
import { compareWithApproved } from './compare-files.ts'
import { changeDigest, pathOf } from './digests.ts'
import type { Attribution, CommitFacts, Facts, FileChange } from './facts.ts'
import type { GitCommit } from './git-commit.ts'

/** What git alone says of the change that facts are about, from objects that any clone holds. */
export interface GitChange {
  readonly headTree: TreeId
  /** The recorded base is a first-parent commit of its branch; null when the clone has no such branch. */
  readonly isBaseOnBranch: boolean | null
  /** Every best common ancestor of base and head. */
  readonly mergeBases: readonly CommitId[]
  /**
   * The files of the change: from the recorded merge base to head, or, for a policy change, from the commit whose policy
   * is in force to the merge tree. Null when the clone lacks a tree for it.
   */
  readonly files: readonly FileChange[] | null
  /** Commits that head has and the base has not. */
  readonly commits: readonly GitCommit[]
  /** Recorded commits beyond these that head and base share. */
  readonly sharedCommits: ReadonlySet<CommitId>
  /** What git's own merge of head into base gives. */
  readonly merge: { readonly state: 'clean'; readonly tree: TreeId } | { readonly state: 'conflict' }
  /** What the recorded merge tree changes of the base's tree; null when the clone does not hold it. */
  readonly mergeFiles: readonly FileChange[] | null
  /** Policy paths in which base and merge tree differ from the commit in force; null for any other change. */
  readonly policyPaths: { readonly baseDiffers: readonly string[]; readonly mergeDiffers: readonly string[] } | null
}

/** One field of recorded facts that git says otherwise. */
export interface GitContradiction {
  readonly field: string
  readonly recorded: string
  readonly git: string
}

/** The comparison of facts with git. Nothing in `notCheckable` counts as checked. */
export interface GitComparison {
  readonly contradictions: readonly GitContradiction[]
  readonly notCheckable: readonly string[]
}

/** At most so many paths of a difference are told one by one. */
const maxTold = 20

/** Fields that no git object says anything about: the forge's word, or the server's own. */
const beyondGit = [
  'repository',
  'number',
  'state',
  'draft',
  'opener',
  'pushers',
  'checks',
  'labels',
  'title',
  'body',
  'textMatches',
  'clock',
  'group',
  'authorControlledChecks',
  'addedConditions',
] as const

/**
 * Compares recorded facts with what git objects say of the same head and base (T49).
 *
 * Trust: the facts are the operator's word; base and head are taken from them, all else is git's.
 * Checks: head tree, base, merge base, every file with both names, modes and blob ids, `changeDigest`, the commits, accounts
 * that an address or a missing signature gives away, trailers that name somebody while nobody is recorded, the merge tree.
 * Does not check: what is listed in `notCheckable`, accounts behind ordinary addresses above all.
 * Errs: a merge tree that holds exactly the approved change over the base is good, whether git merges it or not; one in
 * which both sides changed a path must be the one that git's own merge gives.
 */
export function compareFactsWithGit(facts: Facts, git: GitChange): GitComparison {
  const contradictions: GitContradiction[] = []
  const notCheckable: string[] = [...beyondGit]
  const differ = (field: string, recorded: string, found: string): void => {
    if (recorded !== found) contradictions.push({ field, recorded, git: found })
  }

  differ('head.tree', facts.head.tree, git.headTree)
  if (git.isBaseOnBranch === null) notCheckable.push('base')
  else if (!git.isBaseOnBranch) differ('base.sha', facts.base.sha, `not on ${facts.base.ref}`)
  if (!git.mergeBases.includes(facts.mergeBase))
    differ('mergeBase', facts.mergeBase, git.mergeBases.join(' ') || 'none')
  if (git.files === null) notCheckable.push('files', 'changeDigest')
  else {
    contradictions.push(...fileContradictions(facts.files, git.files))
    differ('changeDigest', facts.changeDigest, changeDigest(git.files))
  }
  contradictions.push(...commitContradictions(facts, git))
  notCheckable.push('commits.accounts')
  contradictions.push(...mergeContradictions(facts, git))
  if (facts.merge.state !== 'clean') notCheckable.push('merge')
  if (facts.governance !== null) {
    const { baseDiffers, mergeDiffers } = facts.governance
    if (git.policyPaths === null) notCheckable.push('governance.baseDiffers', 'governance.mergeDiffers')
    else {
      differ('governance.baseDiffers', baseDiffers.join(' '), git.policyPaths.baseDiffers.join(' '))
      differ('governance.mergeDiffers', mergeDiffers.join(' '), git.policyPaths.mergeDiffers.join(' '))
    }
    notCheckable.push('governance.proposedPolicy', 'governance.proposedFaults')
  }
  return { contradictions, notCheckable }
}

const told = (file: FileChange | undefined): string =>
  file === undefined
    ? 'unchanged'
    : `${file.oldMode ?? '-'} ${file.oldBlob ?? '-'} -> ${file.newMode ?? '-'} ${file.newBlob ?? '-'}`

function fileContradictions(
  recorded: readonly FileChange[],
  found: readonly FileChange[],
): readonly GitContradiction[] {
  const wanted = new Map(recorded.map((file) => [pathOf(file), told(file)]))
  const got = new Map(found.map((file) => [pathOf(file), told(file)]))
  const unchanged = told(undefined)
  const list = [...new Set([...wanted.keys(), ...got.keys()])]
    .sort()
    .map((path) => ({
      field: `files[${path}]`,
      recorded: wanted.get(path) ?? unchanged,
      git: got.get(path) ?? unchanged,
    }))
    .filter((one) => one.recorded !== one.git)
  if (list.length <= maxTold) return list
  const more = `${list.length - maxTold} more`
  return [...list.slice(0, maxTold), { field: 'files', recorded: more, git: more }]
}

function commitContradictions(facts: Facts, git: GitChange): readonly GitContradiction[] {
  const list: GitContradiction[] = []
  const recorded = new Map(facts.commits.map((commit) => [commit.sha, commit]))
  const found = new Set(git.commits.map(({ sha }) => sha))
  // A commit that reached the base by another way may still be listed: it names authors too many, never one too few.
  for (const { sha } of facts.commits)
    if (!found.has(sha) && !git.sharedCommits.has(sha))
      list.push({ field: `commits[${sha}]`, recorded: 'listed', git: 'not a commit of the change' })
  if (recorded.size !== facts.commits.length)
    list.push({ field: 'commits', recorded: `${facts.commits.length}`, git: `${recorded.size} different ones` })
  for (const commit of git.commits) {
    const known = recorded.get(commit.sha)
    if (known === undefined)
      list.push({ field: `commits[${commit.sha}]`, recorded: 'not listed', git: 'a commit of the change' })
    else list.push(...attributionContradictions(known, commit))
  }
  return list.slice(0, maxTold)
}

const saidOf = ({ account, how }: Attribution): string => (account === null ? how : `${account} by ${how}`)

function attributionContradictions(known: CommitFacts, commit: GitCommit): readonly GitContradiction[] {
  const list: GitContradiction[] = []
  const field = (name: string): string => `commits[${known.sha}].${name}`
  const roles = [
    ['author', known.author, commit.authorEmail],
    ['committer', known.committer, commit.committerEmail],
  ] as const
  for (const [name, attribution, email] of roles) {
    const account = accountOfAddress(email)
    if (account !== null && attribution.account !== account)
      list.push({ field: field(name), recorded: saidOf(attribution), git: `${account} by address` })
    if ((attribution.how === 'signature' || attribution.how === 'forge') && !commit.isSigned)
      list.push({ field: field(name), recorded: saidOf(attribution), git: 'no signature' })
  }
  const addresses = trailerAddresses(commit.message, commit.authorEmail)
  const accounts = new Set(known.coAuthors.map(({ account }) => account))
  for (const address of addresses) {
    const account = accountOfAddress(address)
    if (account !== null && account !== known.author.account && !accounts.has(account))
      list.push({ field: field('coAuthors'), recorded: 'not listed', git: `${account} by trailer` })
  }
  if (addresses.length > 0 && known.coAuthors.length === 0 && list.length === 0)
    list.push({ field: field('coAuthors'), recorded: 'none', git: `${addresses.length} by trailer` })
  return list
}

function mergeContradictions(facts: Facts, { merge, mergeFiles, files }: GitChange): readonly GitContradiction[] {
  if (facts.merge.state !== 'clean') return []
  const { tree } = facts.merge
  if (merge.state === 'clean' && merge.tree === tree) return []
  // Git follows renames and may then merge otherwise than the forge, or not at all. Where no path was changed on both
  // sides the merge needs no merging: the base with exactly the approved paths in it.
  const isPlain =
    facts.governance === null &&
    files !== null &&
    mergeFiles !== null &&
    compareWithApproved(mergeFiles, files).outcome === 'equal'
  if (isPlain) return []
  return [{ field: 'merge.tree', recorded: tree, git: merge.state === 'clean' ? merge.tree : 'conflict' }]
}
