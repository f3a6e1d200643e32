import {
  type CommitId,
  type Facts,
  type FileChange,
  type GitContradiction,
  inertPlain as inert,
} from '../../core/index.ts'
import { type CloneComparison, compareFactsWithClone } from '../../flows/record/clone-facts.ts'
import { exitCode } from './exit-code.ts'
import { openClone } from './git-reader.ts'
import { Refusal } from './refusal.ts'

/** What a clone says of facts. `skipped`: it lacks a commit that they are about, and nothing was compared. */
export interface CloneCheck {
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly contradictions: readonly GitContradiction[]
  readonly notCheckable: readonly string[]
  /** The commit that the clone lacks. */
  readonly missing: CommitId | null
}

export interface CloneCheckOptions {
  readonly isPolicyPath: ((path: string) => boolean) | null
  /** Where git is looked for. */
  readonly searchPath: string
  /** The clone's objects were hashed before, or git itself fetched them for whoever asks. */
  readonly skipObjectCheck?: boolean
}

const ofComparison = (comparison: CloneComparison): CloneCheck =>
  comparison.kind === 'not-in-clone'
    ? { outcome: 'skipped', contradictions: [], notCheckable: [], missing: comparison.commit }
    : {
        outcome: comparison.contradictions.length === 0 ? 'pass' : 'fail',
        contradictions: comparison.contradictions,
        notCheckable: comparison.notCheckable,
        missing: null,
      }

/**
 * Recomputes facts from the objects of a clone (T49).
 *
 * Trust: clone and facts may both be a stranger's; nothing of the clone is run or changed.
 * Checks: see `compareFactsWithGit`; that the base lies on the clone's branch of that name, where it has one.
 * @throws Refusal no-clone, no-git, clone-unreadable, clone-corrupt
 */
export async function checkFactsAgainstClone(
  cloneDir: string,
  facts: Omit<Facts, 'files'>,
  files: readonly FileChange[],
  { isPolicyPath, searchPath, skipObjectCheck = false }: CloneCheckOptions,
): Promise<CloneCheck> {
  const git = openClone(cloneDir, searchPath)
  try {
    if (!skipObjectCheck) await git.checkObjects()
    const tip = await git.branchTip(facts.base.ref)
    const line = tip === null ? null : await git.firstParents(tip)
    const onBranch = line === null ? null : new Set(line)
    const isOnBranch = (commit: CommitId): boolean | null => onBranch?.has(commit) ?? null
    return ofComparison(await compareFactsWithClone({ git, isOnBranch, isPolicyPath }, { ...facts, files }))
  } finally {
    await git.close()
  }
}

/** One line for people: the field, what was recorded, and what git says. */
export const contradictionText = ({ field, recorded, git }: GitContradiction): string =>
  inert(`${field}: recorded ${recorded}, git says ${git}`)

/**
 * The same, as a list of what contradicts: empty when everything that git can tell agrees.
 *
 * @throws Refusal clone-incomplete when the clone lacks a commit; and as `checkFactsAgainstClone`
 */
export async function contradictionsInClone(
  cloneDir: string,
  facts: Facts,
  options: CloneCheckOptions,
): Promise<readonly { readonly code: 'facts-contradict-git'; readonly detail: string }[]> {
  const { missing, contradictions } = await checkFactsAgainstClone(cloneDir, facts, facts.files, options)
  if (missing !== null)
    throw new Refusal('clone-incomplete', `${cloneDir} does not hold commit ${missing}`, {
      exit: exitCode.unknown,
      remedy: `Fetch it: git fetch origin ${facts.base.ref} pull/${facts.number}/head`,
    })
  return contradictions.map((one) => ({ code: 'facts-contradict-git', detail: contradictionText(one) }))
}
