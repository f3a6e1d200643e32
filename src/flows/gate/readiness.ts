import { type Acceleration, encodeUtf8, noteVerifierKey, verifyCheckpoint } from '../../core/index.ts'
import type { Custody, DecisionLog, LogName, Registry, SecurityLog, Store } from '../ports.ts'
import { currentKeyName } from './log-era.ts'

/** Three claims, each of which must hold before the server is fit to decide. */
export interface ReadinessReport {
  readonly ready: boolean
  readonly checks: { readonly store: boolean; readonly policy: boolean; readonly log: boolean }
  /** True: nobody outside of this machine is asked before the log is signed. No reason not to be ready. */
  readonly unwitnessed: boolean
  /** Whether the head that was cosigned last has its quorum; null where none is configured. */
  readonly quorum: boolean | null
  /** Whether the off-host copies of both logs show the newest heads; null where none is configured. They follow too. */
  readonly offHost: boolean | null
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
  readonly security: Pick<SecurityLog, 'head'>
  /** Sizes of the heads that the off-host copies show; null where there are none. */
  readonly copiedSizes: () => { readonly [log in LogName]: number } | null
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
  const copied = needs.copiedSizes()
  return {
    ready: store && policy && log,
    checks: { store, policy, log },
    unwitnessed: !needs.isWitnessed,
    quorum: needs.quorum(),
    offHost: copied && (await holds(() => isCopied(needs, copied))),
    published: await holds(async () => (await needs.log.head()).size <= needs.publishedSize()),
  }
}

async function isCopied(
  { log, security }: Pick<ReadinessNeeds, 'log' | 'security'>,
  copied: { readonly [log in LogName]: number },
): Promise<boolean> {
  return (await log.head()).size <= copied.decisions && (await security.head()).size <= copied.security
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
