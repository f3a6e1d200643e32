import { formatInstant, type Json } from '../../../core/index.ts'
import { type EventFormat, type ExportedEvent, messageOf, productName, rowOf } from './exported-event.ts'

/** The facility "log audit". Spec: RFC 5424 §6.2.1. */
const logAudit = 13
const severities = { critical: 2, high: 3, medium: 4, low: 5, info: 6 } as const

/** What is no printable ASCII cannot stand where the format wants that; it becomes `_`. */
const printable = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '_').slice(0, most) || '-'

/** Names of parameters are narrower still. */
const paramName = (text: string): string => printable(text, 32).replace(/[="\]]/g, '_')

/** A value between quotes. A line end would end the record for every reader that splits lines, so it is written as text. */
const paramValue = (text: string): string =>
  text
    .replace(/[\\"\]]/g, String.raw`\$&`)
    .replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

const element = (id: string, params: readonly (readonly [string, string])[]): string =>
  `[${[id, ...params.map(([name, value]) => `${paramName(name)}="${paramValue(value)}"`)].join(' ')}]`

const fieldsOf = (event: ExportedEvent): readonly (readonly [string, string])[] => [
  ['index', String(event.index)],
  ['id', event.id],
  ...(event.userId === null ? [] : [['user', event.userId] as const]),
  ['resource', event.resource],
  ['action', event.action],
  ['result', event.result],
]

/**
 * An event as one record of syslog with structured data: `event@…` holds what every event has, `details@…` what this type has.
 *
 * Spec: RFC 5424; time in UTC, MSGID the event's type, HOSTNAME the host of the log's origin.
 */
export const syslogLine: EventFormat = (event, { origin, enterprise }) => {
  const { severity } = rowOf(event.eventType)
  const priority = logAudit * 8 + (severity === null ? severities.medium : severities[severity])
  const details = Object.entries(event.details).map(([name, value]) => [name, textOf(value)] as const)
  const data = [
    element(`event@${enterprise}`, fieldsOf(event)),
    ...(details.length > 0 ? [element(`details@${enterprise}`, details)] : []),
  ]
  const head = [
    `<${priority}>1`,
    formatInstant(event.at),
    printable(origin.split('/')[0] ?? '', 255),
    printable(productName, 48),
    '-',
    printable(event.eventType, 32),
  ]
  return `${head.join(' ')} ${data.join('')} ${printableText(messageOf(event))}`
}

/** The message is ASCII, so that it needs no mark of its encoding. */
const printableText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '_')
