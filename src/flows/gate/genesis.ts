import {
  type AccountId,
  type Acceleration,
  applyRegistry,
  asAccountId,
  bytesDigest,
  canonicalBytes,
  canSign,
  type CommitId,
  emptyKeyring,
  encodeHex,
  type Instant,
  type Json,
  type Keyring,
  keyringDigest,
  personsOf,
  policyDigest,
  type PolicyV1,
  type Sha256,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { operatorUser, policyInForce } from '../audit/event-of.ts'
import { keyringEvents } from '../audit/keyring-events.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type {
  Custody,
  DecisionLog,
  ForgeAdmin,
  ForgeFile,
  ForgeHistory,
  ForgeReader,
  PolicyFileFault,
  PolicyFiles,
  PolicyRecord,
  Registry,
  Write,
} from '../ports.ts'
import { inForceCommitCursor } from './judge.ts'
import { logKeyName } from './log-key-name.ts'
import type { Recorder } from './recorder.ts'

/** A policy that may become the first one, with everything that a person has to confirm. */
export interface GenesisPlan {
  readonly governanceRepository: string
  readonly branch: string
  readonly commit: CommitId
  readonly policy: PolicyV1
  readonly digest: Sha256
  readonly files: ReadonlyMap<string, ForgeFile>
  /** Which numeric account each login of the registry is: identity from here on is the number. */
  readonly accounts: readonly { readonly login: string; readonly account: AccountId }[]
}

export type Planned =
  | { readonly ok: true; readonly plan: GenesisPlan }
  | { readonly ok: false; readonly faults: readonly PolicyFileFault[] }

export interface GenesisNeeds {
  readonly admin: ForgeAdmin
  readonly reader: ForgeReader
  readonly history: ForgeHistory
  readonly policyFiles: PolicyFiles
  readonly acceleration: Acceleration
}

const fault = (code: string, message: string, remedy: string): PolicyFileFault => ({
  code,
  file: '',
  line: null,
  message,
  remedy,
})

/**
 * Reads the policy that the governance branch holds and decides whether it may be the first one.
 *
 * Checks: its files equal `expected`, where the operator hands in a checkout; no fault blocks it; every login has an
 * account; usable keys reach the layer-0 quorum, because nothing could ever change this policy otherwise.
 * Trust: the forge's answer for who a login is, shown to a person before it counts.
 */
export async function planGenesis(
  needs: GenesisNeeds,
  asked: {
    readonly governanceRepository: string
    readonly branch: string
    readonly expected: ReadonlyMap<string, Uint8Array> | null
    readonly at: Instant
  },
): Promise<Planned> {
  const repository = await needs.admin.resolve(asked.governanceRepository)
  const tip = await needs.history.branchTip(repository, asked.branch)
  const files = await needs.reader.files(repository, tip.commit, needs.policyFiles.isPolicyPath)
  const different = asked.expected === null ? [] : differing(files, asked.expected, needs.policyFiles)
  if (different.length > 0)
    return {
      ok: false,
      faults: different.map((file) => ({
        ...fault(
          'policy-differs',
          `the checkout and the branch ${asked.branch} of ${asked.governanceRepository} differ`,
          'Check out the commit that the branch holds, or push what you checked.',
        ),
        file,
      })),
    }
  const read = needs.policyFiles.read({
    governanceRepository: asked.governanceRepository,
    files: new Map([...files].map(([path, file]) => [path, file.bytes])),
    isGenesis: true,
  })
  if (read.policy === null || read.blocking.length > 0) return { ok: false, faults: read.blocking }
  const { policy } = read
  const accounts: { login: string; account: AccountId }[] = []
  const unknown: PolicyFileFault[] = []
  for (const login of [...new Set(policy.registry.map((key) => key.login))].sort()) {
    const stated = policy.registry.find((key) => key.login === login && key.account !== null)?.account
    const found = stated ?? (await needs.admin.account(login))?.id
    if (found === undefined)
      unknown.push(
        fault(
          'account-unknown',
          `the forge knows no account ${login}`,
          'Correct the login in the registry, or add its numeric id.',
        ),
      )
    else accounts.push({ login, account: asAccountId(found) })
  }
  if (unknown.length > 0) return { ok: false, faults: unknown }
  const plan: GenesisPlan = {
    governanceRepository: asked.governanceRepository,
    branch: asked.branch,
    commit: tip.commit,
    policy,
    digest: policyDigest(policy),
    files,
    accounts,
  }
  const unreachable = unreachableLayerZero(plan, asked.at)
  return unreachable === null ? { ok: true, plan } : { ok: false, faults: [unreachable] }
}

function differing(
  files: ReadonlyMap<string, ForgeFile>,
  expected: ReadonlyMap<string, Uint8Array>,
  policyFiles: PolicyFiles,
): readonly string[] {
  const paths = new Set([...files.keys(), ...[...expected.keys()].filter(policyFiles.isPolicyPath)])
  return [...paths]
    .filter((path) => {
      const [there, here] = [files.get(path)?.bytes, expected.get(path)]
      return there === undefined || here === undefined || bytesDigest(there) !== bytesDigest(here)
    })
    .sort()
}

const accountsOf = (plan: GenesisPlan): Readonly<Record<string, AccountId>> =>
  Object.fromEntries(plan.accounts.map(({ login, account }) => [login, account]))

/** The keyring that this policy begins with. */
const firstKeyring = (plan: GenesisPlan, entry: number, at: Instant): Keyring =>
  applyRegistry(emptyKeyring, plan.policy.registry, entry as never, at, accountsOf(plan))

function unreachableLayerZero(plan: GenesisPlan, at: Instant): PolicyFileFault | null {
  const keyring = firstKeyring(plan, 0, at)
  for (const quorum of plan.policy.layers['0']?.quorums ?? []) {
    const usable = personsOf(keyring, quorum.set).filter((account) => canSign(keyring, account, quorum.set, at))
    if (usable.length < quorum.required)
      return fault(
        'layer-0-unreachable',
        `changing the policy needs ${quorum.required} of ${quorum.set}, and ${usable.length} have a usable key`,
        'Register usable keys before the policy is pinned: nothing could change it afterwards.',
      )
  }
  return null
}

/**
 * Pins the first policy: entries `genesis` and `policy-in-force` under the first checkpoint. A log holds one genesis.
 * @throws AppError policy-unusable when the log is not empty
 */
export async function recordGenesis(
  needs: {
    readonly recorder: Recorder
    readonly log: DecisionLog
    readonly registry: Registry
    readonly custody: Pick<Custody, 'publicKey'>
    readonly origin: string
    readonly acceleration: Acceleration
    /** Who does it, as the security log names them. */
    readonly operator?: string
    /** What else the security log begins with: the keys that were made. */
    readonly events?: readonly SecurityEvent[]
  },
  plan: GenesisPlan,
): Promise<void> {
  const operator = needs.operator ?? operatorUser(null)
  if ((await needs.log.head()).size > 0 || (await needs.registry.policyInForce()) !== null)
    throw new AppError('policy-unusable', 'this log has a genesis already; a log holds one')
  const logKey = encodeHex(await needs.custody.publicKey(logKeyName))
  const blobs: Write[] = []
  const raw: Record<string, PolicyRecord['files'][string]> = {}
  for (const [path, file] of [...plan.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sha256 = bytesDigest(file.bytes, needs.acceleration)
    raw[path] = { mode: file.mode, blob: file.blob, sha256 }
    blobs.push({ kind: 'blob', digest: sha256, bytes: file.bytes })
  }
  const recorded = await needs.recorder.record((moment) => {
    const entry = moment.indexOf(1)
    const keyring = firstKeyring(plan, entry, moment.at)
    const digest = keyringDigest(keyring, needs.acceleration)
    const { digest: policy, commit } = plan
    return {
      result: undefined,
      events: [
        ...(needs.events ?? []),
        policyInForce(1, operator, { policy, commit, verdict: null, entry }),
        ...keyringEvents(emptyKeyring, keyring, operator, entry),
      ],
      entries: [
        {
          type: 'genesis',
          actor: { kind: 'operator' },
          subject: { kind: 'deployment' },
          data: {
            origin: needs.origin,
            governanceRepository: plan.governanceRepository,
            policy: plan.digest,
            commit: plan.commit,
            logKey,
            accounts: plan.accounts,
          },
        },
        {
          type: 'policy-in-force',
          actor: { kind: 'operator' },
          subject: { kind: 'deployment' },
          data: {
            epoch: 1,
            policy: plan.digest,
            commit: plan.commit,
            files: Object.fromEntries(Object.entries(raw).map(([path, file]) => [path, file.sha256])),
            verdict: null,
            keyring: digest,
          },
        },
      ],
      writes: [
        ...blobs,
        { kind: 'blob', digest: plan.digest, bytes: canonicalBytes(plan.policy as unknown as Json) },
        {
          kind: 'policy',
          record: {
            epoch: 1,
            digest: plan.digest,
            commit: plan.commit,
            policy: plan.policy,
            files: raw,
            entry,
            at: moment.at,
          },
        },
        { kind: 'keyring', keyring, digest, entry },
        { kind: 'blob', digest, bytes: canonicalBytes(keyring as unknown as Json) },
        { kind: 'cursor', name: inForceCommitCursor, value: plan.commit },
      ],
    }
  })
  if (!recorded.ok) throw new AppError('policy-unusable', `genesis met ${recorded.conflict}`)
}
