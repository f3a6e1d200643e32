/** Calendars of OpenTimestamps: strangers that collect digests and put one of all of them into a block of Bitcoin. */

export interface Calendars {
  /**
   * Hands in a digest and returns the bytes of the calendar's stamp of it, unread.
   * Errs: a thrown `calendar-unavailable` may have been taken in or not; handing in again does no harm.
   * @throws AppError calendar-unavailable, also for an answer that is no stamp by its status or size
   */
  submit(address: string, digest: Uint8Array): Promise<Uint8Array>
  /** The bytes of what the calendar now knows of a commitment; null where it knows nothing (yet). @throws AppError calendar-unavailable */
  find(address: string, commitment: Uint8Array): Promise<Uint8Array | null>
}
