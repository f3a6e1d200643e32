import type { AdmittedStatement } from '../../src/core/approval/statement.ts'
import type { Facts } from '../../src/core/facts/facts.ts'
import { asLogIndex, type Instant } from '../../src/core/ids.ts'
import type { Keyring } from '../../src/core/keyring/keyring.ts'
import { applyRegistry } from '../../src/core/keyring/registry.ts'
import { evaluate } from '../../src/core/policy/evaluate.ts'
import type { PolicyOptions, PolicyV1, RegistryKey } from '../../src/core/policy/policy-v1.ts'
import type { Reason, Verdict } from '../../src/core/policy/verdict.ts'
import { day, facts, inForce, keyring, nodeAcceleration, policy } from './governed-change.ts'

/** What a test changes about the ordinary change on day 100. */
export interface World {
  readonly of?: Facts
  readonly approvals?: readonly AdmittedStatement[]
  readonly at?: Instant
  readonly ring?: Keyring
  readonly under?: PolicyV1
}
export const judge = ({
  of = facts(),
  approvals = [],
  at = day(100),
  ring = keyring,
  under = policy,
}: World): Verdict => evaluate({ policy: inForce(under), facts: of, approvals, keyring: ring, at }, nodeAcceleration)

/** A node and everything under it. */
export const nodesOf = (node: Reason): Reason[] => [node, ...node.children.flatMap(nodesOf)]
export const codesOf = (verdict: Verdict): string[] => nodesOf(verdict.reason).map(({ code }) => code)
export const has = (verdict: Verdict, code: string): boolean => codesOf(verdict).includes(code)

/** Why the statement at this entry does not count; `statement-counts` when it does. */
export const codeAt = (verdict: Verdict, { entry }: AdmittedStatement): string | undefined =>
  nodesOf(verdict.reason).find(({ data, code }) => data.entry === entry && code !== 'vetoed')?.code

/** Persons that count in the first quorum. */
export const count = (verdict: Verdict): number => verdict.counted[0]?.persons.length ?? -1

export const withOptions = (changes: Partial<PolicyOptions>): PolicyV1 => ({
  ...policy,
  options: { ...policy.options, ...changes },
})

export const enrol = (keys: readonly RegistryKey[], entry: number, ring: Keyring = keyring): Keyring =>
  applyRegistry(ring, keys, asLogIndex(entry), day(3))
