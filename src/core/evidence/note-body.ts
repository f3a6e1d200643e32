import { type Checkpoint, parseCheckpoint } from '../log/checkpoint.ts'

/** The body of a note, whoever signed it. */
export function bodyOf(note: string): Checkpoint | null {
  const parsed = parseCheckpoint(note)
  return parsed.ok ? parsed.checkpoint : null
}
