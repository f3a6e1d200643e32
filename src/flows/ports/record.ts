/** What the two logs need of the world: places that hold their public files, and the port of witnesses. */

/** A place from which anybody reads the files of one log: a directory, an address, somebody else's copy. */
export interface LogSource {
  /**
   * The bytes, or null where the place has no such file. What is read is the word of whoever keeps the place.
   * @throws AppError log-files-unavailable
   */
  read(path: string): Promise<Uint8Array | null>
}

/**
 * A place that holds the files of one log: `checkpoint`, `tile/…`, `blob/<sha256>`. Paths are relative, from the closed list
 * that core writes; an adapter refuses every other.
 */
export interface LogFiles {
  /** The bytes, or null where the place has no such file. @throws AppError log-files-unavailable */
  read(path: string): Promise<Uint8Array | null>
  /**
   * On return the bytes survive loss of power, whole: a reader sees all of them or none. Files are written once: the same
   * bytes again do nothing, and a file that holds only their beginning, torn by a crash, is completed.
   * @throws AppError log-file-differs when the place holds other bytes under this path, log-files-unavailable
   */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Replaces `checkpoint`, durable on return; a reader sees the old one or the new one. @throws AppError log-files-unavailable */
  replaceCheckpoint(note: Uint8Array): Promise<void>
  /**
   * Removes a blob or a partial tile, durable on return; none there is no error. What stays has no way out: an adapter refuses
   * `checkpoint` and full tiles.
   * @throws AppError log-files-unavailable
   */
  remove(path: string): Promise<void>
  /** Paths of the partial files that the place holds of the tile or bundle with this full path. @throws AppError log-files-unavailable */
  partials(path: string): Promise<readonly string[]>
}

/** Which of the two logs. Decisions are public; security events never reach the public listener. */
export type LogName = 'decisions' | 'security'

/** A second place for the files of the logs, which does not end with this machine. */
export interface OffHost {
  /** How messages name it; holds no secret. */
  readonly name: string
  files(log: LogName): LogFiles
  /** Makes the folder of a log at a place that is there; one that has it is left as it is. @throws AppError log-files-unavailable */
  prepare(log: LogName): Promise<void>
  close(): void
}

/** The newest head of a log that a witness has cosigned. */
export interface WitnessedHead {
  readonly size: number
  readonly root: Uint8Array
}

/** What a witness remembers, one head per log. Losing it lets a log be rolled back unseen. */
export interface WitnessState {
  /** Null: nothing of this log was ever cosigned. @throws AppError store-unavailable, store-corrupt */
  read(origin: string): Promise<WitnessedHead | null>
  /**
   * Replaces exactly the head `from` by `to`, among all processes; durable on return. False: another head is the newest one, and
   * the caller signs nothing. May throw after the new head was stored, never return true before it was.
   * @throws AppError store-unavailable, store-corrupt
   */
  advance(origin: string, from: WitnessedHead | null, to: WitnessedHead): Promise<boolean>
}

/** What a witness answered. Nothing of it is verified but its shape. */
export type WitnessAnswer =
  /** Signature lines, each with its newline. */
  | { readonly kind: 'cosigned'; readonly lines: string }
  /** It has cosigned this size of the log, which is not the one that the proof starts from. */
  | { readonly kind: 'size'; readonly size: number }
  /** It said no: HTTP status. */
  | { readonly kind: 'refused'; readonly status: number }
  /** It could not be asked, or what it said makes no sense. */
  | { readonly kind: 'unreachable'; readonly reason: string }

/** The way to a witness. */
export interface WitnessClient {
  /**
   * Submits a checkpoint with the consistency proof from `oldSize`; empty where `oldSize` is 0 or the checkpoint's own size.
   * Bounded in time and size; never throws.
   */
  addCheckpoint(
    url: string,
    request: { readonly oldSize: number; readonly proof: readonly Uint8Array[]; readonly note: string },
  ): Promise<WitnessAnswer>
}
