import type { AccountId } from '../ids.ts'

const numberedAddress = /^(\d{1,15})\+[^@\s]+@users\.noreply\.[a-z0-9.-]+$/i
const trailer = /^[ \t]*co-authored-by:[^<\n]*<([^<>\n]*)>/gim

/** The account number inside a private address of the forge (`583231+octocat@users.noreply.github.com`). */
export function accountOfAddress(email: string): AccountId | null {
  const id = Number(numberedAddress.exec(email)?.[1] ?? 0)
  return id > 0 ? (id as AccountId) : null
}

/**
 * The addresses of `Co-authored-by` lines in lower case, each once, without the author's own.
 *
 * Errs: reads such a line anywhere in the message, also where git would see no trailer; a name too many is denied by its
 * bearer, a name too few would let an author vote.
 */
export function coAuthorAddresses(message: string, author: string): readonly string[] {
  const found = new Set<string>()
  for (const match of message.matchAll(trailer)) found.add((match[1] as string).trim().toLowerCase())
  found.delete(author.toLowerCase())
  return [...found]
}

/**
 * The same addresses, but only those that every reader of git's trailers sees: a line of the last paragraph, where that
 * paragraph is not the title.
 *
 * Errs: finds too few rather than one that the forge may honestly not have seen.
 */
export function trailerAddresses(message: string, author: string): readonly string[] {
  const paragraphs = message
    .replaceAll('\r\n', '\n')
    .trimEnd()
    .split(/\n\s*\n/)
  return paragraphs.length < 2 ? [] : coAuthorAddresses(paragraphs.at(-1) ?? '', author)
}
