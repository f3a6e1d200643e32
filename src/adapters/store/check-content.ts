import { createHash } from 'node:crypto'
import type { CheckContent, CheckRecord } from '../../flows/ports.ts'

/** SHA-256 of the canonical JSON (RFC 8785: members sorted) of what a check shows, as in `CheckRecord.shown.digest`. */
function digestOfContent({ conclusion, summary, title }: CheckContent): string {
  return createHash('sha256').update(JSON.stringify({ conclusion, summary, title })).digest('hex')
}

/** Says whether the forge is not known to show what is wanted. Errs: towards `true`, which costs a write, never a lie. */
export function isUnsettled({ shown, wanted }: CheckRecord): boolean {
  return shown === null || shown.conclusion !== wanted.conclusion || shown.digest !== digestOfContent(wanted)
}
