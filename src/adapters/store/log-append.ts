import { invariant } from '../../flows/app-error.ts'
import type { LogHead, Write } from '../../flows/ports.ts'

/** An entry is at most what a C2SP entry bundle can frame. */
const maxEntryBytes = 65_535

/** At most this many entries leave the store at once. */
export const maxEntriesRead = 1_000

/**
 * Checks that rows continue the log: indices follow, times never go back, the head says what the rows add up to. Whether
 * the root is right is the log's own business.
 *
 * @throws InvariantError when they do not
 */
export function checkLogAppend(write: Extract<Write, { kind: 'entries' }>, head: LogHead): void {
  let at: number = head.at
  for (const [offset, entry] of write.entries.entries()) {
    invariant(entry.index === write.expectedSize + offset, 'log entries have consecutive indices')
    invariant(entry.at >= at, 'log time does not go back')
    invariant(entry.bytes.length <= maxEntryBytes, 'a log entry is at most 65,535 bytes')
    invariant(
      (entry.event !== undefined) === (write.log === 'security'),
      'entries of the security log are events, and no others are',
    )
    at = entry.at
  }
  invariant(write.entries.length > 0, 'an append has entries')
  invariant(write.head.size === write.expectedSize + write.entries.length, 'the head counts every entry')
  invariant(write.head.at === at, 'the head carries the time of the newest entry')
  invariant(write.head.root.length === 32, 'a root is 32 bytes')
}
