import { dayMs, type Instant } from '../ids.ts'

const pattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{3})Z$/
/** The last moment that four digits of a year can write. */
export const lastInstant = 253_402_300_799_999

const pad = (value: number, width: number): string => String(value).padStart(width, '0')

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar; years are counted from March. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function civilFromDays(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day]
}

/**
 * Writes a point in time as RFC 3339 in UTC with exactly three digits of milliseconds, the one form a statement holds.
 *
 * @throws RangeError when the year has more than four digits
 */
export function formatInstant(instant: Instant): string {
  if (!Number.isSafeInteger(instant) || instant < 0 || instant > lastInstant) throw new RangeError('no RFC 3339 form')
  const [year, month, day] = civilFromDays(Math.floor(instant / dayMs))
  const ms = instant % dayMs
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor(ms / 60_000) % 60
  const seconds = Math.floor(ms / 1000) % 60
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(ms % 1000, 3)}Z`
}

/** Reads what `formatInstant` writes and nothing else (no offset, no leap second, no date that does not exist). */
export function parseInstant(text: string): Instant | undefined {
  const parts = pattern.exec(text)
  if (parts === null) return undefined
  const [year, month, day, hours, minutes, seconds, ms] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined
  const instant = (daysFromCivil(year, month, day) * dayMs +
    hours * 3_600_000 +
    minutes * 60_000 +
    seconds * 1000 +
    ms) as Instant
  // Writing it again finds the 31st of April, hour 25 and second 60.
  return instant >= 0 && formatInstant(instant) === text ? instant : undefined
}
