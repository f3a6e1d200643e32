import { type EndIn, integerAt, literalEnd, unseen } from '../bytes/canonical-end.ts'
import type { Shape } from '../bytes/shape.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { type DecisionType, decisionTypes } from './check-entry.ts'
import type { entryTypes } from './entry-types.ts'

/** What an auditor wants of an entry of the decision log, found in its bytes without making a value of them. */
export interface SkimmedEntry {
  readonly at: number
  /** Where the 32 hex digits of its id begin. */
  readonly idAt: number
  /** Where the 64 hex digits of each blob begin that it names, in the order of the registry. */
  readonly blobsAt: readonly number[]
  /** Where those of the facts of a verdict begin; -1: it names none. */
  readonly factsAt: number
}

/** A member of an entry, or of its data, and the bytes that stand before it. */
interface Step {
  readonly name: string
  readonly lead: EndIn
  readonly endIn: EndIn
}

/** How the entries of one type are skimmed. */
interface Skimmer {
  readonly type: Uint8Array
  readonly steps: readonly Step[]
  readonly close: EndIn
  readonly at: number
  readonly id: number
  readonly blobs: readonly number[]
  readonly facts: number
}

/**
 * The types of which a log holds many, and of which whoever looks at all of it wants no more than a skim finds. Every other
 * entry is read, so that nothing is overlooked that a later reader takes from it.
 */
const skimmedTypes: readonly EntryTypeName[] = [
  'clock-started',
  'clock-ended',
  'statement-admitted',
  'statement-refused',
  'verdict',
  'check-lowered',
  'landing-matched',
  'finding',
]
/** What stands behind the type of every entry. */
const tail = encodeUtf8('","v":1}')
const maxTypeLength = 64
const quote = 0x22
const letterN = 0x6e

type EntryTypeName = keyof typeof entryTypes
type Members = Readonly<Record<string, Shape<unknown>>>

/** The members of an entry and those of its data in one row, in the order in which they stand. */
function stepsOf(members: Members, data: Members): { readonly steps: readonly Step[]; readonly close: EndIn } {
  const steps: Step[] = []
  let lead = ''
  const walk = (those: Members, prefix: string): void => {
    lead += '{'
    for (const [i, name] of Object.keys(those).sort().entries()) {
      lead += `${i === 0 ? '' : ','}${JSON.stringify(name)}:`
      if (prefix === '' && name === 'data') walk(data, 'data/')
      else {
        steps.push({ name: `${prefix}${name}`, lead: literalEnd(lead), endIn: (those[name] as Shape<unknown>).endIn })
        lead = ''
      }
    }
    lead += '}'
  }
  walk(members, '')
  return { steps, close: literalEnd(lead) }
}

const skimmers: readonly Skimmer[] = skimmedTypes.map((type) => {
  const { spec, shape } = decisionTypes.get(type) as DecisionType
  const { steps, close } = stepsOf(shape.members, spec.data.members)
  const place = (name: string): number => steps.findIndex((step) => step.name === name)
  return {
    type: encodeUtf8(type),
    steps,
    close,
    at: place('at'),
    id: place('id'),
    blobs: spec.blobs.map((name) => place(`data/${name}`)),
    facts: type === 'verdict' ? place('data/facts') : -1,
  }
})

const mostSteps = Math.max(...skimmers.map(({ steps }) => steps.length))
/** Where the members of the entry begin that is looked at, one at a time, and where the last one ends. */
const starts = new Int32Array(mostSteps)
const ends = new Int32Array(mostSteps)

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

/** The skimmer of the type that the end of the entry names; the skimmer itself then looks whether that is the type. */
function skimmerOf(bytes: Uint8Array, from: number, to: number): Skimmer | undefined {
  const typeEnd = to - tail.length
  let start = typeEnd
  while (start > from && typeEnd - start <= maxTypeLength && bytes[start - 1] !== quote) start--
  for (const one of skimmers) if (one.type.length === typeEnd - start && isAt(bytes, start, one.type)) return one
  return undefined
}

/**
 * Finds what an auditor wants of the entry at `from` up to `to`, at a fraction of the cost of reading it.
 *
 * Trust: the bytes are an attacker's.
 * Checks: whatever it accepts, `decodeEntry` decodes and `checkEntry` finds to be as its type has it. Undefined says nothing
 * about an entry: those two judge it.
 */
export function skimEntry(bytes: Uint8Array, from: number, to: number): SkimmedEntry | undefined {
  const skimmer = skimmerOf(bytes, from, to)
  if (skimmer === undefined) return undefined
  const { steps } = skimmer
  let end = from
  for (let i = 0; i < steps.length; i++) {
    const { lead, endIn } = steps[i] as Step
    const start = lead(bytes, end)
    if (start === unseen) return undefined
    end = endIn(bytes, start)
    if (end === unseen) return undefined
    starts[i] = start
    ends[i] = end
  }
  if (skimmer.close(bytes, end) !== to) return undefined
  /** The text behind the quote; a null names nothing. */
  const textAt = (step: number): number => {
    const start = starts[step] as number
    return bytes[start] === letterN ? unseen : start + 1
  }
  const blobsAt: number[] = []
  for (const step of skimmer.blobs) {
    const at = textAt(step)
    if (at !== unseen) blobsAt.push(at)
  }
  return {
    at: integerAt(bytes, starts[skimmer.at] as number, ends[skimmer.at] as number),
    idAt: textAt(skimmer.id),
    blobsAt,
    factsAt: skimmer.facts === -1 ? unseen : textAt(skimmer.facts),
  }
}
