import type { RepositoryId } from '../../core/index.ts'
import { invariant } from '../../flows/app-error.ts'
import type { JobRecord, RepositoryRecord, Write } from '../../flows/ports.ts'
import { checkBlob } from './blob-digest.ts'
import { ConflictSignal } from './conflict.ts'
import { withoutReason, withoutTexts } from './erased-statement.ts'
import { checkLogAppend } from './log-append.ts'
import type { MemoryState } from './memory-state.ts'
import { withBranchSeen } from './repository-edits.ts'

/** Steps that take a half-applied commit back, newest last. */
type Undo = (() => void)[]

type Row<K extends Write['kind']> = Extract<Write, { kind: K }>

function put<K, V>(undo: Undo, map: Map<K, V>, key: K, value: V): void {
  const had = map.has(key)
  const old = map.get(key) as V
  map.set(key, value)
  undo.push(() => {
    if (had) map.set(key, old)
    else map.delete(key)
  })
}

function takeOut<K, V>(undo: Undo, map: Map<K, V>, key: K): void {
  const old = map.get(key)
  if (old === undefined) return
  map.delete(key)
  undo.push(() => map.set(key, old))
}

function add<K>(undo: Undo, set: Set<K>, key: K): void {
  set.add(key)
  undo.push(() => set.delete(key))
}

function assign<T extends object, K extends keyof T>(undo: Undo, state: T, key: K, value: T[K]): void {
  const old = state[key]
  state[key] = value
  undo.push(() => {
    state[key] = old
  })
}

function refuseWhen(clash: boolean, conflict: ConflictSignal['conflict']): void {
  if (clash) throw new ConflictSignal(conflict)
}

function applyDelivery(state: MemoryState, { delivery }: Row<'delivery'>, undo: Undo): void {
  refuseWhen(state.deliveries.has(delivery.guid), 'duplicate-delivery')
  put(undo, state.deliveries, delivery.guid, {
    ...delivery,
    body: delivery.body === null ? null : new Uint8Array(delivery.body),
  })
}

function applyDeliveryState(state: MemoryState, row: Row<'delivery-state'>, undo: Undo): void {
  const old = state.deliveries.get(row.guid)
  if (old === undefined) return
  const finishedAt = row.state === 'queued' ? null : row.at
  put(undo, state.deliveries, row.guid, { ...old, state: row.state, reason: row.reason, finishedAt })
}

function applyJob(state: MemoryState, { job }: Row<'job'>, undo: Undo): void {
  const old = state.jobs.get(job.id)
  assign(undo, state, 'jobWrites', state.jobWrites + 1)
  put(undo, state.jobs, job.id, {
    seq: old?.seq ?? state.jobWrites,
    job: {
      ...structuredClone(job),
      attempts: 0,
      state: 'queued',
      lastError: null,
      version: state.jobWrites,
    },
  })
}

function applyJobDone(state: MemoryState, { id, version }: Row<'job-done'>, undo: Undo): void {
  const old = state.jobs.get(id)
  if (old === undefined || old.job.version !== version) return
  // Putting it back moves it to the map's end; reads sort by `seq`.
  takeOut(undo, state.jobs, id)
}

function applyJobFailure(
  state: MemoryState,
  id: string,
  version: number,
  change: Partial<JobRecord>,
  undo: Undo,
): void {
  const old = state.jobs.get(id)
  if (old === undefined || old.job.version !== version) return
  put(undo, state.jobs, id, { ...old, job: { ...old.job, attempts: old.job.attempts + 1, ...change } })
}

function applyChange(state: MemoryState, { record }: Row<'change'>, undo: Undo): void {
  const key = `${record.repository}/${record.number}`
  refuseWhen((state.changes.get(key)?.version ?? 0) !== record.version - 1, 'change-moved')
  put(undo, state.changes, key, structuredClone(record))
}

function applyStatement(state: MemoryState, { record }: Row<'statement'>, undo: Undo): void {
  const key = `${record.payloadDigest}/${record.person}`
  const { nonce } = record.statement.predicate
  refuseWhen(state.statements.has(key), 'duplicate-statement')
  refuseWhen(state.nonces.has(nonce), 'duplicate-nonce')
  put(undo, state.statements, key, structuredClone(record))
  add(undo, state.nonces, nonce)
}

function applyReleaseStatement(state: MemoryState, { record }: Row<'release-statement'>, undo: Undo): void {
  const key = `${record.payloadDigest}/${record.person}`
  const nonce = `release ${record.statement.predicate.nonce}`
  refuseWhen(state.releaseStatements.has(key), 'duplicate-statement')
  refuseWhen(state.nonces.has(nonce), 'duplicate-nonce')
  put(undo, state.releaseStatements, key, structuredClone(record))
  add(undo, state.nonces, nonce)
}

function applyCommand(state: MemoryState, row: Row<'command'>, undo: Undo): void {
  const key = `${row.repository}/${row.commentId}`
  refuseWhen(state.commands.has(key), 'duplicate-command')
  add(undo, state.commands, key)
}

function applyPolicy(state: MemoryState, { record }: Row<'policy'>, undo: Undo): void {
  const newest = [...state.policies.keys()].at(-1)
  const follows = newest === undefined ? record.epoch === 0 || record.epoch === 1 : record.epoch === newest + 1
  refuseWhen(!follows, 'policy-moved')
  put(undo, state.policies, record.epoch, structuredClone(record))
}

function applyEntries(state: MemoryState, row: Row<'entries'>, undo: Undo): void {
  const log = state.logs[row.log ?? 'decisions']
  refuseWhen(log.head.size !== row.expectedSize, 'log-moved')
  checkLogAppend(row, log.head)
  for (const entry of row.entries) put(undo, log.entries, entry.index, { ...entry, bytes: new Uint8Array(entry.bytes) })
  for (const { level, index, hash } of row.nodes) {
    invariant(!log.nodes.has(`${level}/${index}`), 'a node is written once')
    put(undo, log.nodes, `${level}/${index}`, new Uint8Array(hash))
  }
  assign(undo, log, 'head', { ...row.head, root: new Uint8Array(row.head.root) })
}

function applyCheckpoint(state: MemoryState, { log: name, size, note }: Row<'checkpoint'>, undo: Undo): void {
  const log = state.logs[name ?? 'decisions']
  refuseWhen(size <= (log.checkpoint?.size ?? -1) || size > log.head.size, 'checkpoint-moved')
  assign(undo, log, 'checkpoint', { size, note })
}

function applyBlob(state: MemoryState, { digest, bytes }: Row<'blob'>, undo: Undo): void {
  checkBlob(digest, bytes)
  refuseWhen(state.erased.has(digest), 'blob-erased')
  if (!state.blobs.has(digest)) put(undo, state.blobs, digest, new Uint8Array(bytes))
}

/** Jobs that carry what somebody wrote. */
const holdsWords: ReadonlySet<string> = new Set(['comment', 'delivery'])

function applyErasure(state: MemoryState, { digest, changes, comments = [] }: Row<'erase-blob'>, undo: Undo): void {
  refuseWhen(state.erased.has(digest), 'blob-erased')
  add(undo, state.erased, digest)
  takeOut(undo, state.blobs, digest)
  for (const [key, record] of state.statements)
    if (record.payloadDigest === digest) put(undo, state.statements, key, withoutTexts(record))
  for (const [key, record] of state.releaseStatements)
    if (record.payloadDigest === digest) put(undo, state.releaseStatements, key, withoutReason(record))
  for (const { repository, number } of changes) {
    for (const [guid, delivery] of state.deliveries)
      if (delivery.repository === repository && delivery.number === number && delivery.finishedAt !== null)
        put(undo, state.deliveries, guid, { ...delivery, body: null })
    for (const [id, { job }] of state.jobs)
      if (job.lane === `${repository}/${number}` && job.state === 'dead') takeOut(undo, state.jobs, id)
  }
  for (const repository of comments) {
    for (const [guid, delivery] of state.deliveries)
      if (delivery.repository === repository && delivery.event === 'issue_comment' && delivery.finishedAt !== null)
        put(undo, state.deliveries, guid, { ...delivery, body: null })
    for (const [id, { job }] of state.jobs)
      if (job.lane.startsWith(`${repository}/`) && job.state === 'dead' && holdsWords.has(job.kind))
        takeOut(undo, state.jobs, id)
  }
}

function applyFinding(state: MemoryState, { record }: Row<'finding'>, undo: Undo): void {
  if (!state.findings.has(record.id)) put(undo, state.findings, record.id, structuredClone(record))
}

function editRepository(
  state: MemoryState,
  id: RepositoryId,
  edit: (record: RepositoryRecord) => RepositoryRecord,
  undo: Undo,
): void {
  const record = state.repositories.get(id)
  if (record !== undefined) put(undo, state.repositories, id, edit(record))
}

function applyRow(state: MemoryState, row: Write, undo: Undo): void {
  switch (row.kind) {
    case 'delivery':
      return applyDelivery(state, row, undo)
    case 'delivery-state':
      return applyDeliveryState(state, row, undo)
    case 'job':
      return applyJob(state, row, undo)
    case 'job-done':
      return applyJobDone(state, row, undo)
    case 'job-retry':
      return applyJobFailure(state, row.id, row.version, { dueAt: row.dueAt, lastError: row.error }, undo)
    case 'job-dead':
      return applyJobFailure(state, row.id, row.version, { state: 'dead', lastError: row.error }, undo)
    case 'repository':
      return put(undo, state.repositories, row.record.id, structuredClone(row.record))
    case 'repository-private':
      return editRepository(state, row.repository, (record) => ({ ...record, private: row.private }), undo)
    case 'branch-seen':
      return editRepository(state, row.repository, (record) => withBranchSeen(record, row), undo)
    case 'change':
      return applyChange(state, row, undo)
    case 'check': {
      const { repository, head, baseRef } = row.record
      return put(undo, state.checks, JSON.stringify([repository, head, baseRef]), structuredClone(row.record))
    }
    case 'statement':
      return applyStatement(state, row, undo)
    case 'release-statement':
      return applyReleaseStatement(state, row, undo)
    case 'command':
      return applyCommand(state, row, undo)
    case 'policy':
      return applyPolicy(state, row, undo)
    case 'keyring':
      return assign(undo, state, 'keyring', { keyring: structuredClone(row.keyring), digest: row.digest })
    case 'blob':
      return applyBlob(state, row, undo)
    case 'erase-blob':
      return applyErasure(state, row, undo)
    case 'entries':
      return applyEntries(state, row, undo)
    case 'cosigned-head':
      if (!state.cosigned.has(row.size)) put(undo, state.cosigned, row.size, row.note)
      return
    case 'checkpoint':
      return applyCheckpoint(state, row, undo)
    case 'cursor':
      return put(undo, state.cursors, row.name, row.value)
    case 'finding':
      return applyFinding(state, row, undo)
  }
}

/**
 * Applies all rows or none.
 *
 * @throws ConflictSignal and whatever a row's check throws, after everything was taken back
 */
export function applyToMemory(state: MemoryState, writes: readonly Write[]): void {
  const undo: Undo = []
  try {
    for (const row of writes) applyRow(state, row, undo)
  } catch (fault) {
    for (const step of undo.reverse()) step()
    throw fault
  }
}
