import {
  type Acceleration,
  applyRegistry,
  bytesDigest,
  canonicalBytes,
  type Json,
  keyringDigest,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf, operatorUser, policyInForce } from '../audit/event-of.ts'
import { keyringEvents } from '../audit/keyring-events.ts'
import type { Changes, PolicyRecord, Registry, Write } from '../ports.ts'
import type { GenesisPlan } from './genesis.ts'
import { refreshJob } from './jobs.ts'
import { inForceCommitCursor } from './judge.ts'
import type { Recorder } from './recorder.ts'
import { approvalsVoidCursor } from './void-approvals.ts'

/**
 * Puts a policy into force without a layer-0 verdict: the one repair of a policy whose quorum nobody can reach any more.
 * A new epoch; every approval so far is void; review clocks run on. The log says so for ever, with the reason.
 *
 * Trust: whoever can run this owns the machine; verifiers see it because their trust file pins another genesis.
 * @throws AppError policy-unusable when no policy is in force, or the same one is
 */
export async function recordRegenesis(
  needs: {
    readonly recorder: Recorder
    readonly registry: Registry
    readonly changes: Changes
    readonly acceleration: Acceleration
    /** Who does it, as the security log names them. */
    readonly operator?: string
  },
  plan: GenesisPlan,
  reason: string,
): Promise<{ readonly epoch: number }> {
  const inForce = await needs.registry.policyInForce()
  const keyring = await needs.registry.keyring()
  if (inForce === null || keyring === null) throw new AppError('policy-unusable', 'no policy is in force; run init')
  if (inForce.digest === plan.digest) throw new AppError('policy-unusable', 'exactly this policy is in force already')
  const epoch = inForce.epoch + 1
  const files: Record<string, PolicyRecord['files'][string]> = {}
  const blobs: Write[] = []
  for (const [path, file] of [...plan.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sha256 = bytesDigest(file.bytes, needs.acceleration)
    files[path] = { mode: file.mode, blob: file.blob, sha256 }
    blobs.push({ kind: 'blob', digest: sha256, bytes: file.bytes })
  }
  const repositories = await needs.registry.repositories()
  const open = (await Promise.all(repositories.map(({ id }) => needs.changes.open(id)))).flat()
  const accounts = Object.fromEntries(plan.accounts.map(({ login, account }) => [login, account]))
  const { commit, digest, policy } = plan
  const recorded = await needs.recorder.record((moment) => {
    const entry = moment.indexOf(1)
    const next = applyRegistry(keyring.keyring, policy.registry, entry, moment.at, accounts)
    const nextDigest = keyringDigest(next, needs.acceleration)
    const subject = { kind: 'deployment' } as const
    const actor = { kind: 'operator' } as const
    const userId = needs.operator ?? operatorUser(null)
    const resource = `policy:${epoch}`
    return {
      result: { epoch },
      events: [
        eventOf('policy-regenesis', {
          userId,
          resource,
          action: 'replace',
          details: { policy: digest, commit, entry: moment.indexOf(0) },
        }),
        policyInForce(epoch, userId, { policy: digest, commit, verdict: null, entry }),
        ...keyringEvents(keyring.keyring, next, userId, entry),
      ],
      entries: [
        {
          type: 'policy-regenesis',
          actor,
          subject,
          data: { epoch, policy: digest, commit, reason, accounts: plan.accounts },
        },
        {
          type: 'policy-in-force',
          actor,
          subject,
          data: {
            epoch,
            policy: digest,
            commit,
            files: Object.fromEntries(Object.entries(files).map(([path, file]) => [path, file.sha256])),
            verdict: null,
            keyring: nextDigest,
          },
        },
      ],
      writes: [
        ...blobs,
        { kind: 'blob', digest, bytes: canonicalBytes(policy as unknown as Json) },
        { kind: 'policy', record: { epoch, digest, commit, policy, files, entry, at: moment.at } },
        { kind: 'keyring', keyring: next, digest: nextDigest, entry },
        { kind: 'blob', digest: nextDigest, bytes: canonicalBytes(next as unknown as Json) },
        { kind: 'cursor', name: inForceCommitCursor, value: commit },
        { kind: 'cursor', name: approvalsVoidCursor, value: String(entry) },
        ...open.map((change) => refreshJob(change.repository, change.number, moment.at)),
      ],
    }
  })
  if (!recorded.ok) throw new AppError('policy-unusable', `regenesis met ${recorded.conflict}`)
  return recorded.result
}
