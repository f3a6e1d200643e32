import {
  type AccountId,
  type Acceleration,
  afterStatement,
  applyRegistry,
  canonicalBytes,
  checkPolicy,
  decodeEntry,
  gitBlobId,
  type Json,
  type Keyring,
  KeyringError,
  keyringDigest,
  type LogIndex,
  parseJsonStrict,
  readmit,
  readmitRelease,
  type Sha256,
} from '../../core/index.ts'
import { inForceCommitCursor } from '../gate/judge.ts'
import { approvalsVoidCursor } from '../gate/void-approvals.ts'
import type { PolicyRecord, Registry, StatementRecord, Statements, Write } from '../ports.ts'
import { type EntryOfType, type ReadBlob, readFacts } from './recovered-changes.ts'

/** Why an entry does not follow from those before it. */
export type RecoveryFault = { readonly code: string; readonly index: number }

/** Policies, keys and statements, moved on by entries that the store lost. */
export interface RecoveredPolicy {
  regenesis(entry: EntryOfType<'policy-regenesis'>): void
  /** Null: it took effect. */
  inForce(entry: EntryOfType<'policy-in-force'>): Promise<RecoveryFault | null>
  /** Null: it was admitted again, as it was then. */
  statement(entry: EntryOfType<'statement-admitted'>): Promise<RecoveryFault | null>
  writes(): readonly Write[]
}

interface Needs {
  readonly registry: Pick<Registry, 'policyInForce' | 'keyring'>
  readonly statements: Pick<Statements, 'aboutPerson'>
  readonly blob: ReadBlob
  /** The entry at an index, from the store or from what is recovered. */
  readonly entryAt: (index: number) => Promise<Uint8Array | null>
  /** Origin of the log that the entries are of. */
  readonly origin: string
  readonly acceleration: Acceleration
}

const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

const jsonOf = (bytes: Uint8Array | null): Json | undefined => {
  const parsed = bytes === null ? null : parseJsonStrict(bytes, limits)
  return parsed?.ok === true ? parsed.value : undefined
}

/** @throws AppError of the store */
export async function recoveredPolicy(needs: Needs): Promise<RecoveredPolicy> {
  const { blob, acceleration } = needs
  let policy = await needs.registry.policyInForce()
  const stored = await needs.registry.keyring()
  let keyring: Keyring = stored?.keyring ?? { v: 1, persons: [] }
  let root: EntryOfType<'policy-regenesis'> | null = null
  const admitted: StatementRecord[] = []
  const writes: Write[] = []
  const fault = (code: string, index: LogIndex): RecoveryFault => ({ code, index })

  function setKeyring(next: Keyring, entry: LogIndex): Sha256 {
    keyring = next
    const digest = keyringDigest(next, acceleration)
    const bytes = canonicalBytes(next as unknown as Json)
    writes.push({ kind: 'keyring', keyring: next, digest, entry }, { kind: 'blob', digest, bytes })
    return digest
  }

  /** Modes as the verdict that put the policy into force saw them; entries hold paths and contents. */
  async function modesBy(verdict: LogIndex | null): Promise<ReadonlyMap<string, string>> {
    const bytes = verdict === null ? null : await needs.entryAt(verdict)
    const decoded = bytes === null ? null : decodeEntry(bytes)
    const digest = decoded?.ok === true ? decoded.entry.data.facts : null
    const facts = typeof digest === 'string' ? await readFacts(digest as Sha256, blob, acceleration) : null
    return new Map(
      (facts?.files ?? []).flatMap(({ newPath, newMode }) => (newPath && newMode ? [[newPath, newMode]] : [])),
    )
  }

  async function filesOf({ data }: EntryOfType<'policy-in-force'>): Promise<PolicyRecord['files']> {
    const modes = await modesBy(data.verdict)
    const files: Record<string, PolicyRecord['files'][string]> = {}
    for (const [path, sha256] of Object.entries(data.files)) {
      const before = policy?.files[path]
      // A mode that is wrong makes the branch differ from what is in force: noticed, and never trusted more.
      const mode = modes.get(path) ?? before?.mode ?? '100644'
      const bytes = before?.sha256 === sha256 ? null : await blob(sha256)
      const id = before?.sha256 === sha256 ? before.blob : gitBlobId(bytes ?? new Uint8Array(0), data.commit)
      files[path] = { mode, blob: id, sha256 }
    }
    return files
  }

  return {
    regenesis(entry) {
      root = entry
    },
    async inForce(entry) {
      const { index, at, data } = entry
      const checked = checkPolicy(jsonOf(await blob(data.policy)))
      if (!checked.ok || data.epoch !== (policy?.epoch ?? 0) + 1) return fault('policy-malformed', index)
      const own = root !== null && root.index + 1 === index ? root : null
      const accounts: Record<string, AccountId> = {}
      for (const { login, account } of own?.data.accounts ?? []) accounts[login] = account
      try {
        const next = applyRegistry(keyring, checked.policy.registry, index, at, accounts)
        if (setKeyring(next, index) !== data.keyring) return fault('keyring-mismatch', index)
      } catch (error) {
        if (error instanceof KeyringError) return fault('keyring-unappliable', index)
        throw error
      }
      const { epoch, policy: digest, commit } = data
      policy = { epoch, digest, commit, policy: checked.policy, files: await filesOf(entry), entry: index, at }
      writes.push(
        { kind: 'policy', record: policy },
        { kind: 'cursor', name: inForceCommitCursor, value: commit },
        ...(own === null ? [] : [{ kind: 'cursor' as const, name: approvalsVoidCursor, value: String(index) }]),
      )
      return null
    },
    async statement(entry) {
      const values = new Map<Sha256, Json>()
      for (const digest of [entry.data.payloadDigest, entry.data.requirement, entry.data.inForce]) {
        const value = jsonOf(await blob(digest))
        if (value !== undefined) values.set(digest, value)
      }
      const state = { origin: needs.origin, policy: policy?.policy ?? null, epoch: policy?.epoch ?? 0, keyring }
      if (entry.subject.kind === 'release') {
        const { admission, admitted: release } = readmitRelease(
          { blob: (digest) => values.get(digest), acceleration },
          entry,
          state,
          [],
        )
        if (release === null)
          return fault(admission?.ok === false ? admission.code : 'statement-malformed', entry.index)
        const { repository, tag } = entry.subject
        const person = release.statement.predicate.signer.maintainer
        writes.push({ kind: 'release-statement', record: { ...release, repository, tag, person } })
        return null
      }
      const step = readmit({ blob: (digest) => values.get(digest), acceleration }, entry, state, [])
      if (step.admitted === null || entry.subject.kind !== 'change')
        return fault(step.admission?.ok === false ? step.admission.code : 'statement-malformed', entry.index)
      const { signer, target } = step.admitted.statement.predicate
      if (target !== undefined) {
        const earlier = [
          ...(await needs.statements.aboutPerson(target)),
          ...admitted.filter((one) => one.statement.predicate.target === target),
        ]
        const next = afterStatement(keyring, earlier, step.admitted)
        if (next !== keyring) setKeyring(next, entry.index)
      }
      const { repository, number } = entry.subject
      const record: StatementRecord = { ...step.admitted, repository, number, person: signer.maintainer }
      admitted.push(record)
      writes.push({ kind: 'statement', record })
      return null
    },
    writes: () => writes,
  }
}
