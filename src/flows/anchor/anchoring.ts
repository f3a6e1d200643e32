import {
  applyOperation,
  mergeStamps,
  type OtsFaultCode,
  type OtsFile,
  type OtsOperation,
  type OtsStamp,
  readOtsFile,
  readStamp,
  writeOtsFile,
} from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import type { Calendars, Random } from '../ports.ts'
import { isAllowedCalendar } from './calendar-address.ts'

/** What one calendar did. `code` is null when it helped. */
export interface CalendarAnswer {
  readonly calendar: string
  readonly code: OtsFaultCode | 'calendar-unavailable' | 'calendar-not-allowed' | 'calendar-knows-nothing' | null
}

/** Anchors digests in Bitcoin through calendars that nobody has to trust. */
export interface Anchoring {
  /**
   * Hands a digest to every calendar at once. `file` is null when none of them gave a stamp.
   *
   * Calendars see `SHA-256(digest ‖ nonce)`, so that they cannot tell what was stamped by trying.
   */
  stamp(
    digest: Uint8Array,
    calendars: readonly string[],
  ): Promise<{ readonly file: OtsFile | null; readonly answers: readonly CalendarAnswer[] }>
  /**
   * Asks the calendars that a timestamp waits for, and adds what they know by now. Calendars that `allowed` does not name
   * are not asked. What a calendar answers is merged, never trusted: `verifyOts` judges it.
   */
  upgrade(
    file: OtsFile,
    allowed: readonly string[],
  ): Promise<{ readonly file: OtsFile; readonly answers: readonly CalendarAnswer[] }>
}

const nonceBytes = 16
/** Questions that one file may cause; a file of the format's size could name thousands. */
const mostQuestions = 64

type Asked = { readonly stamp: OtsStamp | null; readonly answer: CalendarAnswer }

async function ask(calendar: string, message: Uint8Array, request: () => Promise<Uint8Array | null>): Promise<Asked> {
  const failed = (code: CalendarAnswer['code']): Asked => ({ stamp: null, answer: { calendar, code } })
  let bytes: Uint8Array | null
  try {
    bytes = await request()
  } catch (error) {
    if (error instanceof AppError && error.code === 'calendar-unavailable') return failed(error.code)
    throw error
  }
  if (bytes === null) return failed('calendar-knows-nothing')
  const read = readStamp(bytes, message)
  return read.ok ? { stamp: read.stamp, answer: { calendar, code: null } } : failed(read.code)
}

const isSettled = (stamp: OtsStamp): boolean =>
  stamp.some((item) => ('attestation' in item ? item.attestation.kind === 'bitcoin' : isSettled(item.next)))

/** Builds the flow on its calendars and the generator of nonces. */
export function createAnchoring({ calendars, random }: { calendars: Calendars; random: Random }): Anchoring {
  return {
    async stamp(digest, addresses) {
      const nonce: OtsOperation = { kind: 'append', argument: random.bytes(nonceBytes) }
      const nonced = applyOperation(nonce, digest)
      invariant(nonced !== undefined, 'a digest and a nonce fit into a message')
      const hash: OtsOperation = { kind: 'sha256' }
      const commitment = applyOperation(hash, nonced)
      invariant(commitment !== undefined, 'a message has a hash')
      const asked = await Promise.all(
        addresses.map((address) => ask(address, commitment, () => calendars.submit(address, commitment))),
      )
      const stamps = asked.flatMap(({ stamp }) => (stamp === null ? [] : [stamp]))
      const answers = asked.map(({ answer }) => answer)
      if (stamps.length === 0) return { file: null, answers }
      const stamp: OtsStamp = [
        { operation: nonce, next: [{ operation: hash, next: stamps.reduce((a, b) => mergeStamps(a, b), []) }] },
      ]
      return { file: { digest, stamp }, answers }
    },

    async upgrade(file, allowed) {
      const answers: CalendarAnswer[] = []
      let questions = 0
      const upgraded = async (stamp: OtsStamp, message: Uint8Array): Promise<OtsStamp> => {
        let result: OtsStamp = []
        for (const item of stamp) {
          if ('operation' in item) {
            const next = applyOperation(item.operation, message)
            invariant(next !== undefined, 'a stamp that was read has a message at every step')
            result = mergeStamps(result, [{ operation: item.operation, next: await upgraded(item.next, next) }])
            continue
          }
          result = mergeStamps(result, [item])
          if (item.attestation.kind !== 'pending' || isSettled(stamp)) continue
          const { uri } = item.attestation
          if (!isAllowedCalendar(uri, allowed) || questions >= mostQuestions) {
            answers.push({ calendar: uri, code: 'calendar-not-allowed' })
            continue
          }
          questions++
          const asked = await ask(uri, message, () => calendars.find(uri, message))
          answers.push(asked.answer)
          if (asked.stamp !== null) result = mergeStamps(result, asked.stamp)
        }
        return result
      }
      const grown: OtsFile = { digest: file.digest, stamp: await upgraded(file.stamp, file.digest) }
      // Two stamps that are each within the format's bounds need not be so together.
      const read = readOtsFile(writeOtsFile(grown))
      return read.ok
        ? { file: grown, answers }
        : { file, answers: answers.map((answer) => (answer.code === null ? { ...answer, code: read.code } : answer)) }
    },
  }
}
