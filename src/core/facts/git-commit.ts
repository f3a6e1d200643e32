import { decodeUtf8 } from '../bytes/utf8.ts'
import { asCommitId, asTreeId, type CommitId, IdentifierError, type TreeId } from '../ids.ts'

/** What one commit object of git says. Names, addresses and message are whatever its writer put there. */
export interface GitCommit {
  readonly sha: CommitId
  readonly tree: TreeId
  readonly parents: readonly CommitId[]
  readonly authorEmail: string
  readonly committerEmail: string
  /** There is a signature header. Whether it verifies, and whose it is, git alone cannot tell. */
  readonly isSigned: boolean
  readonly message: string
}

/** Text in the encoding that git prefers, or one character for each byte where it is another. */
const lenient = (bytes: Uint8Array): string =>
  decodeUtf8(bytes) ?? Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')

const emailOf = (line: string): string => /<([^<>]*)>/.exec(line)?.[1]?.trim() ?? ''

/**
 * Reads the body of a commit object; undefined when it is none.
 *
 * Trust: the bytes are a stranger's. That they are the object `sha` is for the caller to check.
 * Spec: git's object format, "commit": header lines, each continued by lines that start with a space, an empty line, the message.
 */
export function parseGitCommit(sha: CommitId, body: Uint8Array): GitCommit | undefined {
  const text = lenient(body)
  const end = text.indexOf('\n\n')
  const head = end < 0 ? text.replace(/\n$/, '') : text.slice(0, end)
  const fields = new Map<string, string[]>()
  for (const line of head.split('\n')) {
    if (line.startsWith(' ')) continue
    const space = line.indexOf(' ')
    const name = space < 0 ? line : line.slice(0, space)
    fields.set(name, [...(fields.get(name) ?? []), space < 0 ? '' : line.slice(space + 1)])
  }
  const [tree, ...moreTrees] = fields.get('tree') ?? []
  const [author] = fields.get('author') ?? []
  const [committer] = fields.get('committer') ?? []
  if (tree === undefined || moreTrees.length > 0 || author === undefined || committer === undefined) return undefined
  try {
    return {
      sha,
      tree: asTreeId(tree),
      parents: (fields.get('parent') ?? []).map(asCommitId),
      authorEmail: emailOf(author),
      committerEmail: emailOf(committer),
      isSigned: fields.has('gpgsig') || fields.has('gpgsig-sha256'),
      message: end < 0 ? '' : text.slice(end + 2),
    }
  } catch (error) {
    if (error instanceof IdentifierError) return undefined
    throw error
  }
}
