import {
  type Acceleration,
  type AccountId,
  type CommitId,
  changeDigest,
  type Facts,
  type GovernanceFacts,
  matchText,
  policyDigest,
  type PolicyV1,
  type RepositoryPolicy,
  type Sha256,
  sha256Hex,
  encodeUtf8,
  type TextMatch,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type {
  ChangeRecord,
  Changes,
  Clock,
  ForgeChange,
  ForgeHistory,
  ForgeReader,
  KnownChange,
  PolicyFiles,
  PolicyRecord,
  RepositoryRecord,
} from '../ports.ts'

/** The clock of the machine and the forge's may differ by this much before no verdict can be trusted. */
export const clockToleranceMs = 60_000

/** Facts of a change but for its review clock, which the recorder settles together with the verdict. */
export type CollectedFacts = Omit<Facts, 'clock'>

export interface Collected {
  readonly facts: CollectedFacts
  readonly change: ForgeChange
}

export interface CollectNeeds {
  readonly reader: ForgeReader
  readonly history: ForgeHistory
  readonly changes: Changes
  readonly policyFiles: PolicyFiles
  readonly clock: Clock
  /** 32 secret bytes: titles and bodies enter the facts as digests salted with them. */
  readonly saltKey: Uint8Array
  /** The App whose runs a change's author can write the code of (GitHub Actions). */
  readonly workflowAppId: number
  readonly acceleration: Acceleration
}

export interface CollectInput {
  readonly repository: RepositoryRecord
  readonly number: number
  readonly record: ChangeRecord | null
  readonly pushers: ChangeRecord['pushers']
  /** Facts of the last collection, from the store. */
  readonly before: Facts | null
  readonly policy: PolicyRecord
  /** Commit of the governance repository whose files are in force. */
  readonly inForceCommit: CommitId
}

const known = (record: ChangeRecord | null, before: Facts | null): KnownChange | null =>
  record === null || before === null || before.governance !== null
    ? null
    : {
        head: before.head,
        base: before.base,
        mergeBase: before.mergeBase,
        merge: before.merge,
        mergeCommit: record.mergeCommit,
        files: before.files,
        commits: before.commits,
      }

/** What a policy says of a repository; the governance repository has layer 0 unless the policy gives it more. */
export function repositoryPolicy(policy: PolicyV1, name: string): RepositoryPolicy | null {
  const own = Object.hasOwn(policy.repositories, name) ? policy.repositories[name] : undefined
  return own ?? null
}

/**
 * Reads a change from the forge and turns it into the value that is judged.
 *
 * Trust: everything but ids that the forge computed (commits, trees, accounts) is the author's word.
 * Checks: that machine and forge agree about the time.
 * Errs: throws rather than leave something out.
 * @throws AppError clock-untrusted, forge-…
 */
export async function collect(needs: CollectNeeds, input: CollectInput): Promise<Collected> {
  const { repository, record, before, policy } = input
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const change = await needs.reader.change(forgeRepository, input.number, known(record, before))
  const drift = Math.abs(needs.clock.now() - change.forgeDate)
  if (drift > clockToleranceMs)
    throw new AppError('clock-untrusted', 'the clock of this machine and of the forge differ by more than 60 s', {
      data: { differenceMs: drift },
    })

  const isGovernance = repository.name === policy.policy.governanceRepository
  const own = repositoryPolicy(policy.policy, repository.name)
  const governed = isGovernance
    ? await collectGovernance(needs, forgeRepository, change, input)
    : { files: change.files, governance: null }
  const digest = changeDigest(governed.files, needs.acceleration)
  const requiredChecks = own?.requiredChecks ?? []
  const checks =
    requiredChecks.length === 0
      ? []
      : (await needs.reader.checkRuns(forgeRepository, change.head.sha)).filter((run) =>
          requiredChecks.some((wanted) => wanted.name === run.name && wanted.appId === run.appId),
        )
  const paths = new Set(governed.files.flatMap((file) => [file.oldPath, file.newPath]).filter((path) => path !== null))
  const touchesWorkflows = [...paths].some((path) => path.startsWith('.github/'))
  const group = new Set(
    (await needs.changes.byHead(repository.id, change.head.sha))
      .filter((other) => other.state === 'open' && other.baseRef === change.base.ref)
      .map((other) => other.number),
  )
  group.add(change.number)
  const salted = (what: string, text: string): Sha256 => {
    const salt = sha256Hex(
      new Uint8Array([...needs.saltKey, ...encodeUtf8(`${what}/${repository.id}/${change.number}`)]),
    )
    return sha256Hex(encodeUtf8(`${salt}${text}`))
  }

  return {
    change,
    facts: {
      v: 1,
      repository: { id: repository.id, name: repository.name, private: change.repository.private },
      number: change.number,
      state: change.state,
      draft: change.draft,
      head: change.head,
      base: change.base,
      mergeBase: change.mergeBase,
      merge: change.merge,
      files: governed.files,
      changeDigest: digest,
      opener: change.opener.id,
      pushers: pushersOf(input.pushers, change),
      commits: change.commits,
      checks: [...checks].sort((a, b) => a.appId - b.appId || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
      labels: [...change.labels].sort(),
      title: salted('title', change.title),
      body: salted('body', change.body),
      textMatches: stickyMatches(record, digest, matchText(policy.policy, repository.name, change.title, change.body)),
      group: [...group].sort((a, b) => a - b),
      authorControlledChecks: requiredChecks
        .filter(
          (check) =>
            check.appId === needs.workflowAppId &&
            (touchesWorkflows || (check.workflow !== null && paths.has(check.workflow))),
        )
        .map((check) => check.name)
        .sort(),
      addedConditions: [],
      governance: governed.governance,
    },
  }
}

function pushersOf(pushers: ChangeRecord['pushers'], change: ForgeChange): readonly AccountId[] {
  return pushers?.head === change.head.sha ? [...pushers.accounts].sort((a, b) => a - b) : []
}

/** Tiers once added by title or body stay for this content: editing a title lowers nothing and voids nothing (domain.md). */
function stickyMatches(
  record: ChangeRecord | null,
  digest: Sha256,
  matches: readonly TextMatch[],
): readonly TextMatch[] {
  const earlier = record?.textMatches?.changeDigest === digest ? record.textMatches.matches : []
  const all = new Map([...earlier, ...matches].map((match) => [`${match.tier} ${match.rule}`, match]))
  return [...all.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, match]) => match)
}

/**
 * A layer-0 change is the difference between the policy in force and the merge tree, whatever the branch's tip holds: keys
 * that an administrator pushed cannot ride along with the next approved typo (T37).
 */
async function collectGovernance(
  needs: CollectNeeds,
  repository: { readonly id: RepositoryRecord['id']; readonly name: string; readonly installation: number },
  change: ForgeChange,
  input: CollectInput,
): Promise<{ readonly files: Facts['files']; readonly governance: GovernanceFacts }> {
  const { before, policy, inForceCommit } = input
  const unchanged =
    before?.governance?.inForceCommit === inForceCommit &&
    before.head.sha === change.head.sha &&
    before.base.sha === change.base.sha &&
    change.mergeCommit !== null &&
    input.record?.mergeCommit === change.mergeCommit
  if (unchanged && before?.governance) return { files: before.files, governance: before.governance }

  const differing = (files: Facts['files']): readonly string[] =>
    [...new Set(files.flatMap((file) => [file.oldPath, file.newPath]))]
      .filter((path) => path !== null)
      .filter((path) => needs.policyFiles.isPolicyPath(path))
      .sort()
  const base = await needs.history.diff(repository, inForceCommit, change.base.sha)
  const merged = change.mergeCommit
  const files = merged === null ? change.files : await needs.history.diff(repository, inForceCommit, merged)
  const mergeDiffers = merged === null ? [] : differing(files)
  const proposed =
    merged === null || mergeDiffers.length === 0
      ? { policy: policy.digest, faults: [] as readonly string[] }
      : await readProposed(needs, repository, merged)
  return {
    files,
    governance: {
      inForceCommit,
      inForceEpoch: policy.epoch,
      baseDiffers: differing(base),
      mergeDiffers,
      proposedPolicy: proposed.policy,
      proposedFaults: proposed.faults,
    },
  }
}

async function readProposed(
  needs: Pick<CollectNeeds, 'reader' | 'policyFiles'>,
  repository: { readonly id: RepositoryRecord['id']; readonly name: string; readonly installation: number },
  commit: CommitId,
): Promise<{ readonly policy: Sha256 | null; readonly faults: readonly string[] }> {
  const files = await needs.reader.files(repository, commit, needs.policyFiles.isPolicyPath)
  const read = needs.policyFiles.read({
    governanceRepository: repository.name,
    files: new Map([...files].map(([path, file]) => [path, file.bytes])),
    isGenesis: false,
  })
  return {
    policy: read.policy === null ? null : policyDigest(read.policy),
    faults: [...new Set(read.blocking.map((fault) => fault.code))].sort(),
  }
}
