import { bytesDigest, canonicalBytes, type Json, refusedVerdict } from '../../core/index.ts'
import type { ForgeEventDetail, RepositoryRecord, Write } from '../ports.ts'
import { repositoryResource } from '../audit/event-of.ts'
import { decisionRecorded } from './decide.ts'
import { serverActor } from './entries.ts'
import type { JudgeNeeds } from './judge.ts'
import { checkName, type PublishNeeds } from './publish.ts'

const refusal = {
  conclusion: 'failure',
  title: 'Merge queues are not supported: merge the pull request itself',
  summary:
    'A merge queue merges a tree that nobody approved. This version judges pull requests only, so every merge group is refused. Take the pull request out of the queue and merge it when its own check is green.',
} as const

/**
 * Refuses a merge group with a recorded verdict and a failing check on its head, so that a queue never waits in silence and
 * is never waved through (T28).
 */
export async function refuseMergeGroup(
  needs: JudgeNeeds & PublishNeeds,
  repository: RepositoryRecord,
  detail: Extract<ForgeEventDetail, { readonly kind: 'merge-group' }>,
): Promise<readonly Write[]> {
  const policy = await needs.registry.policyInForce()
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const name = checkName(detail.baseRef)
  const existing = await needs.checks.list(forgeRepository, detail.head, name)
  if (existing.length > 0) {
    for (const run of existing) await needs.checks.update(forgeRepository, run.id, name, refusal, null)
    return []
  }
  await needs.recorder.record((moment) => {
    const verdict = refusedVerdict('not-supported', { what: 'merge-group' }, policy, moment.at)
    const bytes = canonicalBytes(verdict as unknown as Json)
    const digest = bytesDigest(bytes, needs.acceleration)
    return {
      result: undefined,
      events: [decisionRecorded(repositoryResource(repository.id), verdict, detail.head, moment.indexOf(0))],
      writes: [{ kind: 'blob', digest, bytes }],
      entries: [
        {
          type: 'verdict',
          actor: serverActor,
          subject: { kind: 'branch', repository: repository.id, ref: detail.baseRef },
          data: {
            outcome: 'error',
            code: 'not-supported',
            head: detail.head,
            baseRef: detail.baseRef,
            mergeTree: null,
            policy: policy?.digest ?? null,
            epoch: policy?.epoch ?? null,
            facts: null,
            approvals: null,
            keyring: null,
            requirement: null,
            verdict: digest,
          },
        },
      ],
    }
  })
  await needs.checks.create(forgeRepository, detail.head, name, refusal, null)
  return []
}
