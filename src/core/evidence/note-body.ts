import { type Checkpoint, parseCheckpointBody } from '../log/checkpoint.ts'
import { parseSignedNote } from '../log/signed-note.ts'

/** The body of a note, whoever signed it. */
export function bodyOf(note: string): Checkpoint | null {
  const parsed = parseSignedNote(note)
  const body = parsed.ok ? parseCheckpointBody(parsed.text) : null
  return body?.ok === true ? body.checkpoint : null
}
