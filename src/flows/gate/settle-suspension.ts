import {
  type Acceleration,
  type AdmittedStatement,
  afterStatement,
  canonicalBytes,
  type Json,
  keyringDigest,
  type RepositoryId,
} from '../../core/index.ts'
import { accountUser, eventOf } from '../audit/event-of.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { StatementRecord, Write } from '../ports.ts'
import type { CommandEffect, CommandStep } from './decide.ts'
import { refreshJob } from './jobs.ts'
import { dueAtOnce } from './recorder.ts'

/** A suspension acts at once: the keyring changes in the same commit, and every open change is decided again. */
export function settleSuspension(
  needs: { readonly acceleration: Acceleration },
  prepared: {
    readonly aboutTarget: readonly StatementRecord[]
    readonly openChanges: readonly { readonly repository: RepositoryId; readonly number: number }[]
  },
  admitted: AdmittedStatement,
  { keyring, moment, entry }: Parameters<CommandStep['apply']>[0],
): {
  readonly keyring: NonNullable<CommandEffect['keyring']>
  readonly events: readonly SecurityEvent[]
  readonly writes: readonly Write[]
} | null {
  const { target, signer } = admitted.statement.predicate
  const next = afterStatement(keyring, prepared.aboutTarget, admitted)
  if (target === undefined || next === keyring) return null
  const told = { userId: accountUser(signer.maintainer), resource: `person:${target}` } as const
  const suspension = next.persons.find(({ account }) => account === target)?.suspension ?? null
  const event =
    suspension === null
      ? eventOf('suspension-lifted', { ...told, action: 'lift', details: { entry } })
      : eventOf('maintainer-suspended', {
          ...told,
          action: 'suspend',
          details: { signers: suspension.by.length, entry },
        })
  const digest = keyringDigest(next, needs.acceleration)
  return {
    keyring: { keyring: next, digest },
    events: [event],
    writes: [
      { kind: 'keyring', keyring: next, digest, entry },
      { kind: 'blob', digest, bytes: canonicalBytes(next as unknown as Json) },
      ...prepared.openChanges.map((change) => refreshJob(change.repository, change.number, dueAtOnce(moment))),
    ],
  }
}
