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
  /** Removes a blob; none there is no error. @throws AppError log-files-unavailable */
  removeBlob(path: string): Promise<void>
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
