import type { RepositoryId } from '../../core/index.ts'
import type { Memory, PolicyRecord, Registry, StatementRecord, Statements } from '../ports.ts'
import type { ClockWitness } from './clock-witness.ts'
import type { DecisionInput } from './decide.ts'
import { standingStatements } from './void-approvals.ts'

type CurrentNeeds = {
  readonly registry: Pick<Registry, 'policyInForce' | 'keyring'>
  readonly statements: Pick<Statements, 'forChange'>
  readonly memory: Pick<Memory, 'cursor'>
}

type NowNeeds = CurrentNeeds & { readonly clockWitness: Pick<ClockWitness, 'isLate'> }

/** Statements that bear on a change: its own, and those of the open pull requests with the same head and base. */
export async function statementsOf(
  { statements, memory }: CurrentNeeds,
  repository: RepositoryId,
  group: readonly number[],
): Promise<readonly StatementRecord[]> {
  const all = await Promise.all(group.map((number) => statements.forChange(repository, number)))
  return standingStatements(
    memory,
    all.flat().sort((a, b) => a.entry - b.entry),
  )
}

/** Whether a policy that was read before is the one in force still. */
export async function isInForce(
  { registry }: { readonly registry: Pick<Registry, 'policyInForce'> },
  policy: PolicyRecord,
): Promise<boolean> {
  const now = await registry.policyInForce()
  return now?.epoch === policy.epoch && now.digest === policy.digest
}

/**
 * The same input with keys and statements as they are now; null when another policy took effect since, under which the facts
 * have to be collected anew. In the recorder's turn nothing else is recorded before the verdict, so that it stands on
 * exactly what the log says before its entry: a verifier replays the log and finds the same.
 */
export async function asOfNow(needs: NowNeeds, input: DecisionInput): Promise<DecisionInput | null> {
  const keyring = await needs.registry.keyring()
  if (keyring === null || !(await isInForce(needs, input.policy))) return null
  const { repository, collected, record } = input
  return {
    ...input,
    keyring,
    statements: await statementsOf(needs, repository.id, collected.facts.group),
    isClockLate: await needs.clockWitness.isLate(record?.clock ?? null),
  }
}
