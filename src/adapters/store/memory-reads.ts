import type { Instant } from '../../core/index.ts'
import type {
  Changes,
  Deliveries,
  DecisionLog,
  DeliveryRecord,
  JobRecord,
  Jobs,
  Memory,
  Registry,
  SecurityLog,
  Statements,
} from '../../flows/ports.ts'
import { isUnsettled } from './check-content.ts'
import { maxEntriesRead } from './log-append.ts'
import type { MemoryLogState, MemoryState } from './memory-state.ts'

const newestFirst = <T>(rows: Iterable<T>): T[] => [...rows].reverse()

/** Reads deliveries; pruning goes through `write` because it is a durable write of its own. */
export function memoryDeliveries(state: MemoryState, write: (what: string, run: () => void) => void): Deliveries {
  return {
    async find(guid) {
      return state.deliveries.get(guid) ?? null
    },
    async list({ state: wanted, limit }) {
      return newestFirst(state.deliveries.values())
        .filter((delivery) => wanted === undefined || delivery.state === wanted)
        .slice(0, limit)
        .map((delivery) => ({ ...delivery, body: null }))
    },
    async counts() {
      const counts: Record<DeliveryRecord['state'], number> = { queued: 0, done: 0, ignored: 0, dead: 0 }
      for (const delivery of state.deliveries.values()) counts[delivery.state] += 1
      return counts
    },
    async pruneBodies(before, limit) {
      const old = [...state.deliveries.values()]
        .filter(({ body, finishedAt }) => body !== null && finishedAt !== null && finishedAt < before)
        .slice(0, limit)
      write('prune-bodies', () => {
        for (const delivery of old) state.deliveries.set(delivery.guid, { ...delivery, body: null })
      })
      return old.length
    },
  }
}

export function memoryJobs(state: MemoryState): Jobs {
  const inOrder = (wanted: JobRecord['state']): JobRecord[] =>
    [...state.jobs.values()]
      .filter(({ job }) => job.state === wanted)
      .sort((a, b) => a.seq - b.seq)
      .map(({ job }) => job)
  return {
    async due(now, busyLanes, limit) {
      const settled = new Set(busyLanes)
      const due: JobRecord[] = []
      for (const job of inOrder('queued')) {
        if (due.length >= limit) break
        if (settled.has(job.lane)) continue
        // A job that never ran and is due later does not block its lane; one that waits for its retry does.
        if (job.dueAt > now && job.attempts === 0) continue
        settled.add(job.lane)
        if (job.dueAt <= now) due.push(job)
      }
      return due
    },
    async nextDueAt() {
      const times = inOrder('queued').map(({ dueAt }) => dueAt)
      return times.reduce<Instant | null>((least, at) => (least === null || at < least ? at : least), null)
    },
    async find(id) {
      return state.jobs.get(id)?.job ?? null
    },
    async dead(limit) {
      return inOrder('dead').slice(0, limit)
    },
    async counts() {
      return { queued: inOrder('queued').length, dead: inOrder('dead').length }
    },
  }
}

export function memoryChanges(state: MemoryState): Changes {
  const all = (repository: number) =>
    [...state.changes.values()].filter((change) => change.repository === repository).sort((a, b) => a.number - b.number)
  return {
    async find(repository, number) {
      return state.changes.get(`${repository}/${number}`) ?? null
    },
    async open(repository) {
      return all(repository).filter((change) => change.state === 'open')
    },
    async byHead(repository, head) {
      return all(repository).filter((change) => change.head === head)
    },
    async awaitingLanding(repository, baseRef) {
      return all(repository).filter(
        (change) => change.lastPass?.baseRef === baseRef && change.landed === null && change.state !== 'closed',
      )
    },
    async check(repository, head, baseRef) {
      return state.checks.get(JSON.stringify([repository, head, baseRef])) ?? null
    },
    async checks({ unsettled, createdBefore }) {
      return [...state.checks.values()].filter(
        (check) =>
          !check.closed &&
          (unsettled === undefined || isUnsettled(check)) &&
          (createdBefore === undefined || (check.createdAt !== null && check.createdAt < createdBefore)),
      )
    },
  }
}

export function memoryRegistry(state: MemoryState): Registry {
  return {
    async repository(id) {
      return state.repositories.get(id) ?? null
    },
    async repositories() {
      return [...state.repositories.values()].sort((a, b) => a.id - b.id)
    },
    async policyInForce() {
      return [...state.policies.values()].at(-1) ?? null
    },
    async policies() {
      return [...state.policies.values()]
    },
    async keyring() {
      return state.keyring
    },
  }
}

export function memoryStatements(state: MemoryState): Statements {
  const inLogOrder = () => [...state.statements.values()].sort((a, b) => a.entry - b.entry)
  return {
    async forChange(repository, number) {
      return inLogOrder().filter((row) => row.repository === repository && row.number === number)
    },
    async count(repository, number, person) {
      return inLogOrder().filter(
        (row) => row.repository === repository && row.number === number && row.person === person,
      ).length
    },
    async forRelease(repository, tag) {
      return [...state.releaseStatements.values()]
        .filter((row) => row.repository === repository && row.tag === tag)
        .sort((a, b) => a.entry - b.entry)
    },
    async aboutPerson(person) {
      return inLogOrder().filter(
        ({ statement: { predicate } }) =>
          predicate.target === person && (predicate.decision === 'suspend' || predicate.decision === 'lift'),
      )
    },
    async wasCommandAdmitted(repository, commentId) {
      return state.commands.has(`${repository}/${commentId}`)
    },
  }
}

/** Reads one of the two logs. */
export function memoryLog(state: MemoryLogState): DecisionLog {
  return {
    async head() {
      return state.head
    },
    async entries(from, to) {
      return [...state.entries.values()].slice(from, Math.min(to, from + maxEntriesRead))
    },
    async node(level, index) {
      return state.nodes.get(`${level}/${index}`) ?? null
    },
    async checkpoint() {
      return state.checkpoint
    },
    async find({ type, subject, limit }) {
      return newestFirst(state.entries.values())
        .filter(
          (row) => (type === undefined || row.type === type) && (subject === undefined || row.subject === subject),
        )
        .slice(0, limit)
    },
  }
}

/** Reads and searches the security log. */
export function memorySecurityLog(state: MemoryLogState): SecurityLog {
  return {
    ...memoryLog(state),
    async search({ from, to, before, userId, eventType, resource, result, limit }) {
      return newestFirst(state.entries.values())
        .filter(
          ({ index, at, type, subject, event }) =>
            (from === undefined || at >= from) &&
            (to === undefined || at < to) &&
            (before === undefined || index < before) &&
            (userId === undefined || event?.userId === userId) &&
            (eventType === undefined || type === eventType) &&
            (resource === undefined || subject === resource) &&
            (result === undefined || event?.result === result),
        )
        .slice(0, Math.min(limit, maxEntriesRead))
    },
  }
}

export function memoryMemory(state: MemoryState): Memory {
  return {
    async blob(digest) {
      return state.blobs.get(digest) ?? null
    },
    async isErased(digest) {
      return state.erased.has(digest)
    },
    async cosignedOver(index) {
      const size = Math.min(...[...state.cosigned.keys()].filter((one) => one > index))
      const note = state.cosigned.get(size)
      return note === undefined ? null : { size, note }
    },
    async cursor(name) {
      return state.cursors.get(name) ?? null
    },
    async findings(limit) {
      return newestFirst(state.findings.values()).slice(0, limit)
    },
  }
}
