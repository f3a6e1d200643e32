import { isJsonObject, type Json } from '../../../core/index.ts'
import { cefLine } from './cef.ts'
import { ecsLine } from './ecs.ts'
import type { EventFormat } from './exported-event.ts'
import { ocsfLine } from './ocsf.ts'
import { syslogLine } from './syslog.ts'

/** What a format needs besides its lines. */
export interface FormatRow {
  /** Null for the entries as the log keeps them. */
  readonly line: EventFormat | null
  readonly extension: string
  /** The place of an event in the log, as its line says it; undefined where it says none. */
  readonly indexOf: (line: string) => number | undefined
}

const member = (value: Json | undefined, name: string): Json | undefined =>
  isJsonObject(value) ? value[name] : undefined

function indexUnder(object: string): FormatRow['indexOf'] {
  return (line) => {
    try {
      const index = member(member(JSON.parse(line) as Json, object), 'sequence')
      return typeof index === 'number' ? index : undefined
    } catch {
      return undefined
    }
  }
}

function indexBy(pattern: RegExp): FormatRow['indexOf'] {
  return (line) => {
    const digits = pattern.exec(line)?.[1]
    return digits === undefined ? undefined : Number(digits)
  }
}

/** Formats of an export, by the name on the command line. `entries` alone can be proved against the log's root. */
export const formats = {
  entries: { line: null, extension: 'jsonl', indexOf: () => undefined },
  ocsf: { line: ocsfLine, extension: 'jsonl', indexOf: indexUnder('metadata') },
  ecs: { line: ecsLine, extension: 'jsonl', indexOf: indexUnder('event') },
  rfc5424: { line: syslogLine, extension: 'log', indexOf: indexBy(/^[^[]*\[event@\d+ index="(\d{1,16})"/) },
  cef: { line: cefLine, extension: 'cef', indexOf: indexBy(/ cn1=(\d{1,16}) /) },
} as const satisfies Readonly<Record<string, FormatRow>>

export type FormatName = keyof typeof formats

export const isFormatName = (text: string): text is FormatName => Object.hasOwn(formats, text)
