import { canonicalize } from '../../../core/index.ts'
import { type EventFormat, productName, rowOf, vendorName } from './exported-event.ts'

const severities = { info: 1, low: 3, medium: 5, high: 8, critical: 10 } as const

/** A line end in a header has no spelling; a space stands for it. */
const header = (text: string): string => text.replace(/[\\|]/g, String.raw`\$&`).replace(/[\r\n]/g, ' ')

const extension = (text: string): string =>
  text.replace(/[\\=]/g, String.raw`\$&`).replace(/\n/g, String.raw`\n`).replace(/\r/g, String.raw`\r`)

/** An event in ArcSight's Common Event Format, version 0. `cs2` holds the details as canonical JSON. */
export const cefLine: EventFormat = (event, { version, origin }) => {
  const { severity, meaning } = rowOf(event.eventType)
  const level = severity === null ? 'Unknown' : String(severities[severity])
  const fields: readonly (readonly [string, string])[] = [
    ['rt', String(event.at)],
    ['externalId', event.id],
    ['act', event.action],
    ['outcome', event.result],
    ...(event.userId === null ? [] : [['suid', event.userId] as const]),
    ['dvchost', origin.split('/')[0] ?? ''],
    ['cn1Label', 'index'],
    ['cn1', String(event.index)],
    ['cs1Label', 'resource'],
    ['cs1', event.resource],
    ['cs2Label', 'details'],
    ['cs2', canonicalize(event.details)],
  ]
  const head = ['CEF:0', ...[vendorName, productName, version, event.eventType, meaning, level].map(header)]
  return `${head.join('|')}|${fields.map(([name, value]) => `${name}=${extension(value)}`).join(' ')}`
}
