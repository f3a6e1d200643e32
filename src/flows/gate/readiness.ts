import { type Acceleration, encodeUtf8, noteVerifierKey, verifyCheckpoint } from '../../core/index.ts'
import type { Custody, DecisionLog, Registry, Store } from '../ports.ts'
import { currentKeyName } from './log-era.ts'

/** Three claims, each of which must hold before the server is fit to decide. */
export interface ReadinessReport {
  readonly ready: boolean
  readonly checks: { readonly store: boolean; readonly policy: boolean; readonly log: boolean }
  /** True: nobody outside of this machine is asked before the log is signed. No reason not to be ready. */
  readonly unwitnessed: boolean
  /** Whether the head that was cosigned last has its quorum; null where none is configured. */
  readonly quorum: boolean | null
  /** Whether the public files show the newest head. They follow a moment later; no reason not to be ready. */
  readonly published: boolean
}

export interface ReadinessNeeds {
  readonly origin: string
  readonly store: Pick<Store, 'probe'>
  readonly registry: Pick<Registry, 'policyInForce'>
  readonly log: Pick<DecisionLog, 'head' | 'checkpoint' | 'find'>
  readonly custody: Pick<Custody, 'publicKey'>
  readonly acceleration: Acceleration
  readonly isWitnessed: boolean
  readonly quorum: () => boolean | null
  /** Size of the head that the public files show. */
  readonly publishedSize: () => number
}

/** Looks whether the store takes a write, a policy is in force, and the newest checkpoint is our signature over the log's head. */
export async function readiness(needs: ReadinessNeeds): Promise<ReadinessReport> {
  const holds = async (claim: () => Promise<boolean>): Promise<boolean> => {
    try {
      return await claim()
    } catch {
      return false
    }
  }
  const store = await holds(async () => {
    await needs.store.probe()
    return true
  })
  const policy = await holds(async () => (await needs.registry.policyInForce()) !== null)
  const log = await holds(() => isLogConsistent(needs))
  return {
    ready: store && policy && log,
    checks: { store, policy, log },
    unwitnessed: !needs.isWitnessed,
    quorum: needs.quorum(),
    published: await holds(async () => (await needs.log.head()).size <= needs.publishedSize()),
  }
}

async function isLogConsistent(needs: ReadinessNeeds): Promise<boolean> {
  const head = await needs.log.head()
  const checkpoint = await needs.log.checkpoint()
  if (checkpoint === null || checkpoint.size !== head.size) return false
  const key = noteVerifierKey(needs.origin, await needs.custody.publicKey(await currentKeyName(needs.log)))
  const verified = verifyCheckpoint(encodeUtf8(checkpoint.note), needs.origin, [key])
  return (
    verified.ok &&
    verified.checkpoint.size === head.size &&
    verified.checkpoint.root.every((byte, position) => byte === head.root[position])
  )
}
