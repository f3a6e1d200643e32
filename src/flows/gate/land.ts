import {
  applyRegistry,
  canonicalBytes,
  bytesDigest,
  type CommitId,
  type Json,
  keyringDigest,
  policyDigest,
  type RepositoryId,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf, policyInForce, repositoryResource, serverUser } from '../audit/event-of.ts'
import { keyringEvents } from '../audit/keyring-events.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { ForgeRepository, GovernedBranch, PolicyRecord, RepositoryRecord, Write } from '../ports.ts'
import { type EntryDraft, serverActor } from './entries.ts'
import { findingDraft, type FindingNeeds } from './findings.ts'
import { refreshJob } from './jobs.ts'
import { type Draft, dueAtOnce } from './recorder.ts'
import { inForceCommitCursor, judge, type JudgeNeeds } from './judge.ts'
import { type Candidate, type LandingMatch, matchLandings } from './landings.ts'

const triesWhenMoved = 5

/**
 * Matches everything that arrived on a governed branch since it was last looked at, records each landing or finding, puts a
 * landed policy into force, and has every open pull request on that base decided again.
 *
 * Trust: the forge's word for what the branch holds; whatever the push event said is not looked at.
 */
export async function land(
  needs: JudgeNeeds & FindingNeeds,
  target: { readonly repository: RepositoryId; readonly ref: string },
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const conflict = await landOnce(needs, target)
    if (conflict === null) return
    // A change that landed was judged at the same time: all of it is looked at again.
    if (tries >= triesWhenMoved) throw new AppError('store-unavailable', `landing not recorded: ${conflict}`)
  }
}

/** Returns what the record met; null when it was made, or nothing had arrived. */
async function landOnce(
  needs: JudgeNeeds & FindingNeeds,
  target: { readonly repository: RepositoryId; readonly ref: string },
): Promise<string | null> {
  const repository = await needs.registry.repository(target.repository)
  const branch = repository?.branches.find((known) => known.ref === target.ref)
  if (repository == null || branch === undefined || !repository.active) return null
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const tip = await needs.history.branchTip(forgeRepository, branch.ref)
  if (tip.commit === branch.seen) return null
  const arrived = await needs.history.landings(forgeRepository, branch.seen, tip.commit)
  const match = async (candidates: readonly Candidate[]): Promise<readonly LandingMatch[] | null> =>
    arrived === null
      ? null
      : matchLandings(
          { diff: (from, to) => needs.history.diff(forgeRepository, from, to) },
          branch.seen,
          arrived,
          candidates,
        )
  const candidates = await candidatesFor(needs, repository.id, branch.ref)
  let matches = await match(candidates)
  const open = candidates.filter(({ record }) => record.state === 'open')
  if (open.length > 0 && matches?.some(({ kind }) => kind === 'unmatched')) {
    // A push is told before the merge that it was: whatever is not explained yet may be one of these.
    for (const { record } of open) await judge(needs, record)
    matches = await match(await candidatesFor(needs, repository.id, branch.ref))
  }
  const { takeover, refused } = await policyToTake(needs, repository, forgeRepository, matches ?? [])
  return recordLanding(needs, { repository, branch, tip, matches, takeover, refused })
}

async function candidatesFor(needs: JudgeNeeds, repository: RepositoryId, ref: string): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = []
  for (const record of await needs.changes.awaitingLanding(repository, ref)) {
    const pass = record.lastPass
    if (pass === null) continue
    const facts = await needs.verdicts.facts(pass.facts)
    // What was approved was erased: nothing can be compared with it.
    if (facts === null) continue
    candidates.push({ record, pass, files: facts.files, base: facts.base.sha })
  }
  // What the forge says is merged is tried first, then the newest pass.
  return candidates.sort(
    (a, b) => Number(b.record.state === 'merged') - Number(a.record.state === 'merged') || b.pass.at - a.pass.at,
  )
}

/** What a layer-0 landing does to the policy: nothing, moves its commit, or puts a new version into force. */
type Takeover =
  | { readonly kind: 'none' }
  | { readonly kind: 'same'; readonly commit: CommitId }
  | {
      readonly kind: 'new'
      readonly commit: CommitId
      readonly verdict: Candidate['pass']['entry']
      readonly record: Omit<PolicyRecord, 'entry' | 'at'>
      readonly blobs: readonly Write[]
    }

/**
 * A new policy takes effect only with a passing layer-0 verdict: the newest matched landing whose policy is the one that
 * its verdict was about. Unmatched commits after it leave the policy where it is (T35, T37).
 */
async function policyToTake(
  needs: JudgeNeeds,
  repository: RepositoryRecord,
  forgeRepository: ForgeRepository,
  matches: readonly LandingMatch[],
): Promise<{ readonly takeover: Takeover; readonly refused: readonly SecurityEvent[] }> {
  const inForce = await needs.registry.policyInForce()
  let takeover: Takeover = { kind: 'none' }
  const refused: SecurityEvent[] = []
  if (inForce === null || repository.name !== inForce.policy.governanceRepository) return { takeover, refused }
  const refuse = (code: string, commit: CommitId, faults: number): void => {
    const details = { code, commit, faults }
    const resource = `policy:${inForce.epoch}`
    refused.push(eventOf('policy-refused', { userId: serverUser, resource, action: 'enforce', details }))
  }
  for (const match of matches) {
    if (match.kind !== 'matched') continue
    const facts = await needs.verdicts.facts(match.candidate.pass.facts)
    const files = await needs.reader.files(forgeRepository, match.commit, needs.policyFiles.isPolicyPath)
    const read = needs.policyFiles.read({
      governanceRepository: repository.name,
      files: new Map([...files].map(([path, file]) => [path, file.bytes])),
      isGenesis: false,
    })
    const digest = read.policy === null ? null : policyDigest(read.policy)
    if (digest === inForce.digest && takeover.kind !== 'new') {
      takeover = { kind: 'same', commit: match.commit }
      continue
    }
    if (read.policy === null || digest === null || read.blocking.length > 0) {
      refuse(read.blocking[0]?.code ?? 'unreadable', match.commit, read.blocking.length)
      continue
    }
    if (digest !== facts?.governance?.proposedPolicy) {
      refuse('not-what-passed', match.commit, 0)
      continue
    }
    const blobs: Write[] = []
    const raw: Record<string, PolicyRecord['files'][string]> = {}
    for (const [path, file] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const sha256 = bytesDigest(file.bytes, needs.acceleration)
      raw[path] = { mode: file.mode, blob: file.blob, sha256 }
      blobs.push({ kind: 'blob', digest: sha256, bytes: file.bytes })
    }
    takeover = {
      kind: 'new',
      commit: match.commit,
      verdict: match.candidate.pass.entry,
      record: { epoch: inForce.epoch + 1, digest, commit: match.commit, policy: read.policy, files: raw },
      blobs,
    }
  }
  return { takeover, refused }
}

interface Landing {
  readonly repository: RepositoryRecord
  readonly branch: GovernedBranch
  readonly tip: { readonly commit: CommitId }
  /** Null when the branch was forced: what was seen is no longer on its line. */
  readonly matches: readonly LandingMatch[] | null
  readonly takeover: Takeover
  /** What the security log says of policies that arrived and did not take effect. */
  readonly refused: readonly SecurityEvent[]
}

async function recordLanding(needs: JudgeNeeds & FindingNeeds, landing: Landing): Promise<string | null> {
  const { repository, branch, tip, matches, takeover, refused } = landing
  const recorded = await needs.recorder.record(async (moment): Promise<Draft<undefined>> => {
    // Read in the recorder's turn: a suspension that came a moment before stays in the keys of the new policy (T15), and a
    // change that was decided a moment before under the old one is decided again.
    const keyring = await needs.registry.keyring()
    if (keyring === null) throw new AppError('store-corrupt', 'a policy is in force but no keyring is stored')
    const open = await openChanges(needs, takeover.kind === 'new' ? null : repository.id, branch.ref)
    const entries: EntryDraft[] = []
    const events: SecurityEvent[] = [...refused]
    const writes: Write[] = []
    const told = { userId: serverUser, resource: repositoryResource(repository.id) } as const
    const subject = { kind: 'branch', repository: repository.id, ref: branch.ref } as const
    const find = (
      code: 'forced-push' | 'unmatched-landing',
      key: CommitId,
      detail: Readonly<Record<string, string | number | boolean | null>>,
    ): void => {
      const draft = findingDraft({ code, key, repository: repository.id, subject, detail }, moment, entries.length)
      const details = { commit: key, code, entry: moment.indexOf(entries.length) }
      events.push(eventOf('landing-unmatched', { ...told, action: 'match', details }), draft.event)
      entries.push(draft.entry)
      writes.push(draft.write)
    }
    if (matches === null) find('forced-push', tip.commit, { ref: branch.ref, from: branch.seen, to: tip.commit })
    for (const match of matches ?? []) {
      if (match.kind === 'unmatched') {
        find('unmatched-landing', match.commit, { ref: branch.ref, commit: match.commit, tree: match.tree })
        continue
      }
      const { candidate, commit, count, how } = match
      events.push(
        eventOf('landing-matched', {
          ...told,
          action: 'match',
          details: {
            commit,
            number: candidate.record.number,
            how,
            verdict: candidate.pass.entry,
            entry: moment.indexOf(entries.length),
          },
        }),
      )
      entries.push({
        type: 'landing-matched',
        actor: serverActor,
        subject,
        data: { commit, number: candidate.record.number, verdict: candidate.pass.entry, how, commits: count },
      })
      writes.push({
        kind: 'change',
        record: { ...candidate.record, version: candidate.record.version + 1, landed: commit },
      })
    }
    if (takeover.kind === 'same') writes.push({ kind: 'cursor', name: inForceCommitCursor, value: takeover.commit })
    if (takeover.kind === 'new') {
      const entry = moment.indexOf(entries.length)
      const next = applyRegistry(keyring.keyring, takeover.record.policy.registry, entry, moment.at)
      const digest = keyringDigest(next, needs.acceleration)
      events.push(
        policyInForce(takeover.record.epoch, serverUser, {
          policy: takeover.record.digest,
          commit: takeover.commit,
          verdict: takeover.verdict,
          entry,
        }),
        ...keyringEvents(keyring.keyring, next, serverUser, entry),
      )
      entries.push({
        type: 'policy-in-force',
        actor: serverActor,
        subject: { kind: 'deployment' },
        data: {
          epoch: takeover.record.epoch,
          policy: takeover.record.digest,
          commit: takeover.commit,
          files: Object.fromEntries(Object.entries(takeover.record.files).map(([path, file]) => [path, file.sha256])),
          verdict: takeover.verdict,
          keyring: digest,
        },
      })
      writes.push(
        ...takeover.blobs,
        {
          kind: 'blob',
          digest: takeover.record.digest,
          bytes: canonicalBytes(takeover.record.policy as unknown as Json),
        },
        { kind: 'policy', record: { ...takeover.record, entry, at: moment.at } },
        { kind: 'keyring', keyring: next, digest, entry },
        { kind: 'blob', digest, bytes: canonicalBytes(next as unknown as Json) },
        { kind: 'cursor', name: inForceCommitCursor, value: takeover.commit },
      )
    }
    writes.push({ kind: 'branch-seen', repository: repository.id, ref: branch.ref, seen: tip.commit })
    writes.push(...open.map((change) => refreshJob(change.repository, change.number, dueAtOnce(moment))))
    return { entries, events, writes, result: undefined }
  })
  return recorded.ok ? null : recorded.conflict
}

/** Open changes on one base, or every open change where a new policy concerns all. */
async function openChanges(
  needs: JudgeNeeds,
  only: RepositoryId | null,
  ref: string,
): Promise<readonly { readonly repository: RepositoryId; readonly number: number }[]> {
  const found: { repository: RepositoryId; number: number }[] = []
  for (const repository of await needs.registry.repositories()) {
    if (only !== null && repository.id !== only) continue
    for (const change of await needs.changes.open(repository.id))
      if (only === null || change.baseRef === ref) found.push({ repository: repository.id, number: change.number })
  }
  return found
}
