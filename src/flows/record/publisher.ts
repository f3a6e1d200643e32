import {
  type Acceleration,
  buildConsistencyProof,
  type Checkpoint,
  checkpointPath,
  decodeUtf8,
  encodeUtf8,
  parseCheckpointBody,
  parseSignedNote,
  planConsistency,
  treeHasher,
  verifyConsistency,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogFiles, LogName, Memory, SignedHead, Telemetry, Timers } from '../ports.ts'
import type { Cosigner } from './cosign.ts'
import { createOutgrown } from './outgrown.ts'
import { storedFiles } from './stored-files.ts'

/** How far the files of the log have come: sizes of the heads that each place shows. */
export interface Published {
  /** Of the place on this machine; 0 where there is none. */
  readonly size: number
  /** Null where no off-host place is configured. */
  readonly offHostSize: number | null
}

/** A place that cannot be written from here on, or can be again. */
export interface PlaceTurn {
  readonly place: 'local' | 'off-host'
  /** Why it cannot; null: it can. */
  readonly code: string | null
  /** Size of the head that it shows. */
  readonly size: number
}

export interface LogPublisher {
  /**
   * Looks at every place before anything is signed; writes nothing.
   * @throws AppError log-ahead when a place shows a head that the store has not; log-file-differs when it shows another history;
   * log-files-unavailable, store-corrupt
   */
  check(): Promise<void>
  /**
   * One pass over everything that is signed and not published yet; the first one also over the newest files that are, since
   * these a crash may have torn. With `all` over every file, so that those a place lost are written again.
   * @throws as `check`
   */
  publish(options?: { readonly all: boolean }): Promise<void>
  /** Says that something was recorded: a pass follows, and is tried again until it succeeds. */
  wake(): void
  published(): Published
  /** Lets the pass that runs end; nothing follows. */
  stop(): Promise<void>
}

export interface PublisherParts {
  /** Which log it is, as measurements name it. */
  readonly name: LogName
  readonly origin: string
  readonly log: Pick<DecisionLog, 'checkpoint' | 'entries' | 'node'>
  readonly memory: Pick<Memory, 'blob'>
  /** Null for a log that is kept elsewhere only. */
  readonly local: LogFiles | null
  readonly offHost: LogFiles | null
  /** Adds cosignatures to a signed head; never fails, and never takes long. Null: nobody cosigns this log. */
  readonly cosigner: Pick<Cosigner, 'cosign' | 'quorum'> | null
  /** Told of a head that a quorum cosigned, before it is shown with its cosignatures. A failure of it stops nothing. */
  readonly onCosigned?: (head: SignedHead) => Promise<void>
  readonly telemetry: Telemetry
  readonly timers: Timers
  readonly acceleration: Acceleration
  /** Runs before the files of anything new are written; while it refuses, nothing is. */
  readonly before?: () => Promise<void>
  /** Told after every pass that published something, or had a published head cosigned; `note` is the head as it was signed. */
  readonly onPublished?: (published: Published, note: string) => void
  /** Told once when publishing to a place begins to fail, and once when it succeeds again. */
  readonly onTurn?: (turn: PlaceTurn) => void
}

const filesAtOnce = 32
const firstRetryMs = 500
const longestRetryMs = 60_000
/** A published head without its quorum is cosigned again after so long. */
const cosignAgainMs = 15_000

/** Files under this many of a place's newest entries are looked at once after a start: what was written last is torn first. */
const recentEntries = 256

const codeOf = (error: unknown): string => (error instanceof AppError ? error.code : 'internal')

/** The head that a note states, whoever signed it: the place is the operator's own, and its signature was checked when it was made. */
function headOf(note: Uint8Array | string, origin: string): Checkpoint {
  const parsed = parseSignedNote(note)
  const body = parsed.ok ? parseCheckpointBody(parsed.text) : null
  if (body?.ok !== true || body.checkpoint.origin !== origin)
    throw new AppError('log-file-differs', 'the place holds a checkpoint that is none of this log', {
      data: { path: checkpointPath },
    })
  return body.checkpoint
}

/** The same place, which says when it refuses. */
function overheard(files: LogFiles, onRefused: () => void): LogFiles {
  const hear = (error: unknown): never => {
    onRefused()
    throw error
  }
  return {
    read: (path) => files.read(path).catch(hear),
    write: (path, bytes) => files.write(path, bytes).catch(hear),
    replaceCheckpoint: (note) => files.replaceCheckpoint(note).catch(hear),
    remove: (path) => files.remove(path).catch(hear),
    partials: (path) => files.partials(path).catch(hear),
  }
}

/**
 * Makes the files of a log from the store: entries, values and tiles first, durable in every place, then the checkpoint, so
 * that whoever sees a head can fetch everything under it. The off-host place comes first: what the public sees is there.
 */
export function createLogPublisher(parts: PublisherParts): LogPublisher {
  const { name: logName, origin, log, memory, local, offHost, cosigner, telemetry, timers } = parts
  const hasher = treeHasher(parts.acceleration)
  const places = [
    ...(offHost === null
      ? []
      : ([{ name: 'off-host', files: overheard(offHost, () => void (refuser = 'off-host')) }] as const)),
    ...(local === null ? [] : ([{ name: 'local', files: local }] as const)),
  ] as const
  const outgrown = new Map(places.map(({ name, files }) => [name, createOutgrown(files)]))
  /** Sizes that the places showed before the pass that runs showed more. */
  const shownBefore = new Map<PlaceTurn['place'], number>()
  /** Size of the newest head whose quorum was told of. */
  let vouchedSize = 0
  /** Heads that the places show, once they were read. */
  const heads = new Map<string, Checkpoint | null>()
  /** Sizes last known of the places; they only grow, also while a place cannot be asked. */
  const sizes = new Map<string, number>()
  /** Places whose newest files were looked at since the start. */
  const looked = new Set<string>()
  /** Size of the newest signed head that was looked at. */
  let signedSize = 0
  /** The place that refused in this pass; the local one also stands for the store. */
  let refuser: PlaceTurn['place'] = 'local'
  const failing = new Set<PlaceTurn['place']>()
  let running: Promise<void> = Promise.resolve()
  let isWaiting = false
  let isStopped = false
  let cancelRetry: (() => void) | null = null
  let retryMs = firstRetryMs
  let cancelCosign: (() => void) | null = null

  /** The store's log must be what the place shows, grown: the log's own consistency proof. */
  async function requireGrowth(place: string, shown: Checkpoint, stored: Checkpoint): Promise<void> {
    if (shown.size > stored.size)
      throw new AppError('log-ahead', `the ${place} log has ${shown.size} entries and the database ${stored.size}`, {
        data: { place, published: shown.size, stored: stored.size },
      })
    if (shown.size === 0) return
    const nodes = new Map<string, Uint8Array>()
    for (const { level, index } of planConsistency(shown.size, stored.size).flat()) {
      const hash = await log.node(level, index)
      if (hash === null)
        throw new AppError('store-corrupt', 'a node of the log tree is missing', { data: { level, index } })
      nodes.set(`${level}/${index}`, hash)
    }
    const proof = buildConsistencyProof(
      shown.size,
      stored.size,
      (level, index) => nodes.get(`${level}/${index}`) as Uint8Array,
      hasher,
    )
    const claim = {
      firstSize: shown.size,
      firstRoot: shown.root,
      secondSize: stored.size,
      secondRoot: stored.root,
      proof,
    }
    if (!verifyConsistency(claim, hasher).ok)
      throw new AppError('log-file-differs', `the ${place} log is another history than the database`, {
        data: { place, published: shown.size, stored: stored.size },
      })
  }

  function show(place: string, head: Checkpoint | null): void {
    heads.set(place, head)
    sizes.set(place, Math.max(sizes.get(place) ?? 0, head?.size ?? 0))
  }

  async function shownBy({ name, files }: (typeof places)[number]): Promise<Checkpoint | null> {
    const known = heads.get(name)
    if (known !== undefined) return known
    const note = await files.read(checkpointPath)
    return note === null ? null : headOf(note, origin)
  }

  /** A store without a head has nothing that a place could show. */
  function requireNothing(place: string): void {
    const published = heads.get(place)?.size ?? 0
    if (published === 0) return
    throw new AppError('log-ahead', `the ${place} log has ${published} entries and the database none`, {
      data: { place, published, stored: 0 },
    })
  }

  /** The places that show less than the store has signed. */
  async function behindOf(stored: Checkpoint): Promise<readonly (typeof places)[number][]> {
    const behind: (typeof places)[number][] = []
    for (const place of places) {
      const shown = await shownBy(place)
      if (shown !== null) await requireGrowth(place.name, shown, stored)
      show(place.name, shown)
      if (shown === null || shown.size < stored.size) behind.push(place)
    }
    return behind
  }

  /** Files of one head need no order among themselves: several at a time share the syncs of the place. */
  async function writeFiles(place: LogFiles, from: number, to: number): Promise<void> {
    const group: Promise<void>[] = []
    for await (const { path, bytes } of storedFiles({ log, memory, hasher }, from, to)) {
      const written = bytes === null ? place.remove(path) : place.write(path, bytes)
      // Awaited below; until then a failure must not end the process.
      written.catch(() => undefined)
      if (group.push(written) === filesAtOnce) await Promise.all(group.splice(0))
    }
    await Promise.all(group)
  }

  /** Returns the signed head where a place shows it anew, or cosigned; null where nothing was to be done. */
  async function pass(all: boolean): Promise<string | null> {
    const newest = await log.checkpoint()
    if (newest === null) return null
    const stored = headOf(newest.note, origin)
    signedSize = stored.size
    const behind = await behindOf(stored)
    for (const { name } of all ? places : behind) shownBefore.set(name, heads.get(name)?.size ?? 0)
    const unwritten = places.filter((place) => all || behind.includes(place) || !looked.has(place.name))
    if (unwritten.length > 0) await parts.before?.()
    for (const { name, files } of unwritten) {
      const shown = heads.get(name)?.size ?? 0
      await writeFiles(files, all ? 0 : looked.has(name) ? shown : Math.max(0, shown - recentEntries), stored.size)
      looked.add(name)
    }
    if (behind.length === 0) return improve(newest.note)
    const note = cosigner === null ? newest.note : await cosigned(cosigner, newest.note, stored.size)
    for (const place of behind) {
      await place.files.replaceCheckpoint(encodeUtf8(note))
      show(place.name, stored)
    }
    cosignLater(note)
    return newest.note
  }

  /** The head with the cosignatures that it has by now. Who vouched for it first is kept: that proves when it was there. */
  async function cosigned(by: Pick<Cosigner, 'cosign' | 'quorum'>, head: string, size: number): Promise<string> {
    const note = await by.cosign(head)
    if (size <= vouchedSize || !by.quorum(note).met) return note
    try {
      await parts.onCosigned?.({ size, note })
      vouchedSize = size
    } catch (error) {
      telemetry.event('cosigned-head-not-kept', 'warn', { size, code: codeOf(error) })
    }
    return note
  }

  /** Adds to the newest head that is published what was missing of its cosignatures; null when it was not looked at. */
  async function improve(signed: string): Promise<string | null> {
    if (cosigner === null) return null
    const shown = (await places.at(-1)?.files.read(checkpointPath)) ?? null
    const before = shown === null ? signed : decodeUtf8(shown)
    if (before === undefined || !before.startsWith(signed.slice(0, signed.lastIndexOf('\n\n')))) return null
    const note = await cosigned(cosigner, before, signedSize)
    if (note !== before) for (const { files } of places) await files.replaceCheckpoint(encodeUtf8(note))
    cosignLater(note)
    return signed
  }

  function cosignLater(note: string): void {
    cancelCosign?.()
    cancelCosign =
      cosigner === null || cosigner.quorum(note).met || isStopped ? null : timers.after(cosignAgainMs, wake)
  }

  /** Lets go what tiles outgrew. Whatever a place says to that, its log is complete: one that takes nothing back is no failure. */
  async function tidyUp(all: boolean): Promise<void> {
    for (const [name, size] of shownBefore) {
      shownBefore.delete(name)
      await outgrown
        .get(name)
        ?.remove(size, all)
        .catch((error: unknown) => {
          if (!(error instanceof AppError)) throw error
          telemetry.count('log_outgrown_kept', { place: name, code: error.code })
        })
    }
  }

  async function publish(all = false): Promise<void> {
    refuser = 'local'
    try {
      const shown = await pass(all)
      if (shown !== null) {
        if (local !== null) telemetry.observe('log_published_size', published().size)
        parts.onPublished?.(published(), shown)
      }
      await tidyUp(all)
      for (const place of failing) parts.onTurn?.({ place, code: null, size: sizes.get(place) ?? 0 })
      failing.clear()
    } catch (error) {
      if (!failing.has(refuser)) parts.onTurn?.({ place: refuser, code: codeOf(error), size: sizes.get(refuser) ?? 0 })
      failing.add(refuser)
      // What a place shows now is read anew: a write may have happened that was told as failed.
      heads.clear()
      throw error
    } finally {
      const { offHostSize } = published()
      // Also after a pass that failed: a copy that falls behind is seen at once.
      if (offHostSize !== null)
        telemetry.observe('log_off_host_lag', Math.max(0, signedSize - offHostSize), { log: logName })
    }
  }

  const published = (): Published => ({
    size: sizes.get('local') ?? 0,
    offHostSize: offHost === null ? null : (sizes.get('off-host') ?? 0),
  })

  function run(options = { all: false }): Promise<void> {
    const mine = running.then(() => publish(options.all))
    running = mine.catch(() => undefined)
    return mine
  }

  function wake(): void {
    if (isStopped || isWaiting) return
    cancelRetry?.()
    cancelRetry = null
    isWaiting = true
    running = running.then(async () => {
      isWaiting = false
      try {
        await publish()
        retryMs = firstRetryMs
      } catch (error) {
        const code = codeOf(error)
        telemetry.count('log_publish_failed', { code })
        telemetry.event('log-not-published', 'error', { code, error })
        if (isStopped || cancelRetry !== null) return
        cancelRetry = timers.after(retryMs, () => {
          cancelRetry = null
          wake()
        })
        retryMs = Math.min(longestRetryMs, retryMs * 2)
      }
    })
  }

  return {
    async check() {
      // The places first: a server beside this process may publish at any moment, and never more than is signed by then.
      for (const place of places) show(place.name, await shownBy(place))
      const newest = await log.checkpoint()
      if (newest !== null) await behindOf(headOf(newest.note, origin))
      else for (const { name } of places) requireNothing(name)
    },
    publish: run,
    wake,
    published,
    async stop() {
      isStopped = true
      cancelRetry?.()
      cancelCosign?.()
      await running
    },
  }
}
