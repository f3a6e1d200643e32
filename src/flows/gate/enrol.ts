import type { CommitId, TreeId } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf, operatorUser, repositoryResource } from '../audit/event-of.ts'
import type { Clock, ForgeAdmin, ForgeHistory, GovernedBranch, Registry, RepositoryRecord, Ruleset } from '../ports.ts'
import { repositoryPolicy } from './collect.ts'
import { reconcileJob } from './jobs.ts'
import { checkName } from './publish.ts'
import type { Recorder } from './recorder.ts'

/** What enrolling a repository means, before it is done. */
export interface EnrolPlan {
  readonly id: RepositoryRecord['id']
  readonly name: string
  readonly installation: number
  readonly private: boolean
  readonly branches: readonly {
    readonly ref: string
    readonly tip: CommitId
    readonly tree: TreeId
    readonly ruleset: Ruleset
    /** Id of a ruleset that fulfils it; null when there is none. */
    readonly rulesetId: number | null
  }[]
}

export interface EnrolNeeds {
  readonly admin: ForgeAdmin
  readonly history: ForgeHistory
  readonly registry: Registry
  readonly recorder: Recorder
  readonly clock: Clock
  readonly appId: number
  /** Who does it, as the security log names them. */
  readonly operator?: string
}

/** The ruleset that keeps a branch from changing by any way but a green pull request. */
export const rulesetFor = (ref: string, appId: number): Ruleset => ({
  name: `governance ${ref}`,
  ref,
  checkName: checkName(ref),
  appId,
})

/**
 * Finds the repository and what its branches lack.
 *
 * Checks: the policy in force maps exactly this name (T07); identity is the numeric id that the forge gives for it now.
 * @throws AppError policy-unusable, not-found, forge-not-found
 */
export async function planEnrolment(
  needs: EnrolNeeds,
  asked: { readonly name: string; readonly branches: readonly string[] },
): Promise<EnrolPlan> {
  const policy = await needs.registry.policyInForce()
  if (policy === null) throw new AppError('policy-unusable', 'no policy is in force; run governance init')
  const isMapped =
    asked.name === policy.policy.governanceRepository || repositoryPolicy(policy.policy, asked.name) !== null
  if (!isMapped)
    throw new AppError('not-found', `the policy in force does not name ${asked.name}`, {
      data: { repository: asked.name },
    })
  const found = await needs.admin.resolve(asked.name)
  if (found.name !== asked.name)
    throw new AppError('not-found', `${asked.name} is now called ${found.name} on the forge`, {
      data: { repository: asked.name },
    })
  const refs = asked.branches.length > 0 ? asked.branches : [found.defaultBranch]
  const branches: EnrolPlan['branches'][number][] = []
  for (const ref of refs) {
    const tip = await needs.history.branchTip(found, ref)
    const ruleset = rulesetFor(ref, needs.appId)
    const rulesetId = await needs.admin.findRuleset(found, ruleset)
    branches.push({ ref, tip: tip.commit, tree: tip.tree, ruleset, rulesetId })
  }
  return { id: found.id, name: found.name, installation: found.installation, private: found.private, branches }
}

/**
 * Creates the missing rulesets, where an administrator's token is given, and records the enrolment.
 *
 * Errs: a ruleset that was created stays when a later step fails; enrolling again finds it.
 */
export async function enrol(needs: EnrolNeeds, plan: EnrolPlan, adminToken: string | null): Promise<RepositoryRecord> {
  const known = await needs.registry.repository(plan.id)
  const repository = { id: plan.id, name: plan.name, installation: plan.installation }
  const branches: GovernedBranch[] = []
  for (const branch of plan.branches) {
    const rulesetId =
      branch.rulesetId ??
      (adminToken === null ? null : await needs.admin.createRuleset(repository, branch.ruleset, adminToken))
    const before = known?.branches.find(({ ref }) => ref === branch.ref)
    branches.push(
      before === undefined
        ? { ref: branch.ref, tip: branch.tip, tree: branch.tree, seen: branch.tip, rulesetId }
        : { ...before, rulesetId },
    )
  }
  const kept = (known?.branches ?? []).filter(({ ref }) => !branches.some((branch) => branch.ref === ref))
  const record: RepositoryRecord = {
    id: plan.id,
    name: plan.name,
    installation: plan.installation,
    private: plan.private,
    enrolledAt: known?.enrolledAt ?? needs.clock.now(),
    active: true,
    branches: [...kept, ...branches],
  }
  const recorded = await needs.recorder.record((moment) => ({
    result: undefined,
    events: [
      eventOf('repository-enrolled', {
        userId: needs.operator ?? operatorUser(null),
        resource: repositoryResource(plan.id),
        action: 'enrol',
        details: {
          branches: record.branches.length,
          withoutRuleset: record.branches.filter(({ rulesetId }) => rulesetId === null).length,
          entry: moment.indexOf(0),
        },
      }),
    ],
    entries: [
      {
        type: 'repository-enrolled',
        actor: { kind: 'operator' },
        subject: { kind: 'branch', repository: plan.id, ref: plan.branches[0]?.ref ?? '' },
        data: { name: plan.name, branches: record.branches.map(({ ref, tip, tree }) => ({ ref, tip, tree })) },
      },
    ],
    writes: [{ kind: 'repository', record }, reconcileJob(plan.id, needs.clock.now())],
  }))
  if (!recorded.ok) throw new AppError('store-unavailable', `enrolment met ${recorded.conflict}`)
  return record
}
