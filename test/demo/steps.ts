/** Plays steps one after the other, each of which must come out as told, and says how it went. */
import { isDeepStrictEqual } from 'node:util'

/** One line of the closing table. */
export interface Row {
  readonly tried: string
  readonly happened: string
  /** The reason code that the product gave; null where there is none to give. */
  readonly code: string | null
  /** Where anybody finds it again. */
  readonly recorded: string
}

/** Something came out otherwise than told. */
export class StepFailure extends Error {
  readonly expected: string
  readonly seen: string

  constructor(what: string, expected: string, seen: string) {
    super(what)
    this.expected = expected
    this.seen = seen
  }
}

const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value)) ?? 'nothing'

/** Holds what was seen against what was told. @throws StepFailure */
export function expectEqual(what: string, seen: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(seen, expected)) throw new StepFailure(what, written(expected), written(seen))
}

/** Holds a text against a pattern. @throws StepFailure */
export function expectMatch(what: string, seen: string, pattern: RegExp): void {
  if (!pattern.test(seen)) throw new StepFailure(what, `text that matches ${pattern}`, seen === '' ? 'nothing' : seen)
}

/** The value, which must be there. @throws StepFailure */
export function expectThere<T>(what: string, seen: T | null | undefined): T {
  if (seen === null || seen === undefined) throw new StepFailure(what, 'something', 'nothing')
  return seen
}

/** What a step can say while it runs. */
export interface Telling {
  /** A short line for people. */
  readonly say: (line: string) => void
  /** Text as the product printed it. */
  readonly quote: (text: string) => void
  /** A line of the closing table. */
  readonly row: (row: Row) => void
}

/** How one step went. */
export interface StepReport {
  readonly id: string
  readonly title: string
  readonly ok: boolean
  readonly ms: number
  readonly lines: readonly string[]
  readonly rows: readonly Row[]
}

export interface Failure {
  readonly step: string
  readonly what: string
  readonly expected: string | null
  readonly seen: string
}

/** How all of it went. Good only when at least one step ran and every one came out as told. */
export interface Report {
  readonly ok: boolean
  readonly ms: number
  readonly steps: readonly StepReport[]
  readonly failure: Failure | null
}

/** Hears everything as it happens. */
export interface Listener {
  stepStarts(id: string, title: string): void
  said(line: string): void
  quoted(text: string): void
  stepEnds(report: StepReport): void
}

/** Runs one step of a play, which ends the play when it fails, and returns what the step made. */
export type RunStep = <T>(id: string, title: string, run: (telling: Telling) => Promise<T>) => Promise<T>

class Ended extends Error {}

const failureOf = (step: string, error: unknown): Failure =>
  error instanceof StepFailure
    ? { step, what: error.message, expected: error.expected, seen: error.seen }
    : {
        step,
        what: 'the step ran into an error',
        expected: null,
        seen: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }

/** Plays until the end or the first step that fails. Never throws what a step threw: the report holds it. */
export async function perform(listener: Listener, play: (step: RunStep) => Promise<void>): Promise<Report> {
  const steps: StepReport[] = []
  let failure: Failure | null = null
  const began = performance.now()
  const step: RunStep = async (id, title, run) => {
    if (failure !== null) throw new Ended()
    const lines: string[] = []
    const rows: Row[] = []
    const started = performance.now()
    const end = (ok: boolean): void => {
      const report = { id, title, ok, ms: Math.round(performance.now() - started), lines, rows }
      steps.push(report)
      listener.stepEnds(report)
    }
    listener.stepStarts(id, title)
    try {
      const made = await run({
        say: (line) => {
          lines.push(line)
          listener.said(line)
        },
        quote: (text) => {
          lines.push(text)
          listener.quoted(text)
        },
        row: (row) => void rows.push(row),
      })
      end(true)
      return made
    } catch (error) {
      failure = failureOf(id, error)
      end(false)
      throw new Ended()
    }
  }
  try {
    await play(step)
  } catch (error) {
    if (!(error instanceof Ended)) failure ??= failureOf('between the steps', error)
  }
  return {
    ok: failure === null && steps.length > 0 && steps.every(({ ok }) => ok),
    ms: Math.round(performance.now() - began),
    steps,
    failure,
  }
}

/** What the process ends with: 0 only when every step was as told. */
export const exitCodeOf = (report: Report): 0 | 1 => (report.ok ? 0 : 1)
