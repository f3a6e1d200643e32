/** Why a text is not a pattern of the dialect. */
export type GlobFault =
  | 'glob-empty'
  | 'glob-too-long'
  | 'glob-control-character'
  | 'glob-leading-slash'
  | 'glob-empty-segment'
  | 'glob-dot-segment'
  | 'glob-double-star'
  | 'glob-reserved-character'
  | 'glob-negation'
  | 'glob-ill-formed'

const maxLength = 512

/**
 * Says why a text is no pattern of the dialect, or null when it is one.
 *
 * Whatever another dialect would read differently (`?`, `[…]`, `{…}`, `\`, a leading `!`, `**` beside other characters, a
 * trailing slash) is refused: a pattern that silently matches nothing would put a file into a laxer tier.
 * Spec: spec/policy/globs.md.
 */
export function globFault(pattern: string): GlobFault | null {
  if (pattern.length === 0) return 'glob-empty'
  if (pattern.length > maxLength) return 'glob-too-long'
  if (!pattern.isWellFormed()) return 'glob-ill-formed'
  if (/\p{Cc}/u.test(pattern)) return 'glob-control-character'
  if (pattern.startsWith('/')) return 'glob-leading-slash'
  if (pattern.startsWith('!')) return 'glob-negation'
  if (/[?[\]{}\\]/.test(pattern)) return 'glob-reserved-character'
  for (const segment of pattern.split('/')) {
    if (segment === '') return 'glob-empty-segment'
    if (segment === '.' || segment === '..') return 'glob-dot-segment'
    if (segment !== '**' && segment.includes('**')) return 'glob-double-star'
  }
  return null
}

const escapeLiteral = (literal: string): string =>
  literal.replace(/[^A-Za-z0-9_]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/**
 * Writes one pattern as the source of an unanchored regular expression without captures that matter to the caller.
 *
 * A backtracking engine must not be able to try one text in many ways, so every choice but the last of its kind is
 * committed: the first place where the part between two stars fits is kept (a lookahead that captures and a back
 * reference stand for the atomic group that JavaScript lacks). That loses no match: a fixed-width part that fits early
 * leaves more room for what follows. Work is then linear in the path for every pattern.
 */
function sourceOf(pattern: string, groupName: () => string): string {
  const atomic = (inner: string): string => {
    const group = groupName()
    return `(?=(?<${group}>${inner}))\\k<${group}>`
  }
  const segmentSource = (segment: string): string => {
    if (segment === '*') return '[^\\/]+'
    const parts = segment.split('*')
    const first = escapeLiteral(parts[0] ?? '')
    if (parts.length === 1) return first
    const middle = parts.slice(1, -1).map((part) => atomic(`[^\\/]*?${escapeLiteral(part)}`))
    // The rest of the segment ends exactly where the last part does: one way only.
    return `${first}${middle.join('')}[^\\/]*${escapeLiteral(parts.at(-1) ?? '')}`
  }
  const blocks: string[][] = [[]]
  for (const segment of pattern.split('/')) {
    if (segment !== '**') blocks.at(-1)?.push(segment)
    else if (blocks.length === 1 || blocks.at(-1)?.length !== 0) blocks.push([])
  }
  const [head = [], ...rest] = blocks
  const block = (segments: readonly string[]): string => segments.map(segmentSource).join('\\/')
  if (rest.length === 0) return block(head)
  let source = head.length === 0 ? '' : `${block(head)}\\/`
  for (const [index, segments] of rest.entries()) {
    if (segments.length === 0) return `${source}[^]+`
    const skip = '(?:[^\\/]+\\/)*?'
    source += index < rest.length - 1 ? atomic(`${skip}${block(segments)}\\/`) : `${skip}${block(segments)}`
  }
  return source
}

/** Decides whether any of the patterns it was compiled from matches a whole path. */
export interface CompiledGlobs {
  readonly matches: (path: string) => boolean
  /** The first of the patterns that matches, or null. Slower than `matches`: for explanations. */
  readonly which: (path: string) => string | null
  /** Source of the one regular expression; null when there are no patterns. */
  readonly source: string | null
}

/**
 * Compiles patterns into one anchored regular expression.
 *
 * Trust: patterns come from a checked policy; paths are an attacker's, and no path makes matching slower than linear.
 * @throws RangeError for a text that is no pattern of the dialect
 * Spec: spec/policy/globs.md.
 */
export function compileGlobs(patterns: readonly string[]): CompiledGlobs {
  for (const pattern of patterns) {
    const fault = globFault(pattern)
    if (fault !== null) throw new RangeError(fault)
  }
  if (patterns.length === 0) return { matches: () => false, which: () => null, source: null }
  let groups = 0
  const groupName = (): string => `g${groups++}`
  const source = `^(?:${patterns.map((pattern) => sourceOf(pattern, groupName)).join('|')})$`
  const all = new RegExp(source)
  let singles: readonly RegExp[] | undefined
  return {
    source,
    matches: (path) => all.test(path),
    which: (path) => {
      singles ??= patterns.map((pattern) => new RegExp(`^(?:${sourceOf(pattern, groupName)})$`))
      const index = singles.findIndex((single) => single.test(path))
      return patterns[index] ?? null
    },
  }
}
