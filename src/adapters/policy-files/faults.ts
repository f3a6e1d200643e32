import type { Finding } from '../../core/index.ts'
import type { Position } from './source-node.ts'

/** Something in the files that stops every command: the policy cannot be read, and nothing is put in its place. */
export interface Fault extends Position {
  readonly code: string
  readonly message: string
  /** What to do about it, in one sentence. */
  readonly remedy: string
}

/** A linter's finding with the place in the files that it is about. */
export interface SourceFinding extends Finding, Position {
  readonly message: string
}

/** Where readers report what they see, and which place each part of the policy came from. */
export interface Reading {
  readonly faults: Fault[]
  readonly findings: SourceFinding[]
  readonly positions: Map<string, Position>
}

const maxReported = 1000

/** Starts an empty reading. */
export const newReading = (): Reading => ({ faults: [], findings: [], positions: new Map() })

/** Records a fault. */
export function fault(reading: Reading, code: string, at: Position, message: string, remedy: string): void {
  if (reading.faults.length < maxReported) reading.faults.push({ code, ...positionOf(at), message, remedy })
}

/** Records a finding that only the files can tell, such as a value that decides nothing. */
export function note(
  reading: Reading,
  code: string,
  severity: Finding['severity'],
  at: Position,
  message: string,
  remedy: string,
): void {
  if (reading.findings.length >= maxReported) return
  reading.findings.push({ code, severity, blocks: false, path: '', data: {}, ...positionOf(at), message, remedy })
}

/** Remembers where a part of the policy was read. */
export function mark(reading: Reading, pointer: string, at: Position): void {
  reading.positions.set(pointer, positionOf(at))
}

const positionOf = ({ file, line, column }: Position): Position => ({ file, line, column })
