import { createHash } from 'node:crypto'
import type { CheckContent, CheckRecord } from '../../flows/ports.ts'

/** What `CheckRecord.shown.digest` is of: conclusion, title and summary, one under the other. */
function digestOfContent({ conclusion, summary, title }: CheckContent): string {
  return createHash('sha256').update(`${conclusion}\n${title}\n${summary}`).digest('hex')
}

/** Says whether the forge is not known to show what is wanted. Errs: towards `true`, which costs a write, never a lie. */
export function isUnsettled({ shown, wanted }: CheckRecord): boolean {
  return shown === null || shown.conclusion !== wanted.conclusion || shown.digest !== digestOfContent(wanted)
}
