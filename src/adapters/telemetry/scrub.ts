const masked = '[secret]'
const secretKey = /secret|token|authorization|passw|passphrase|cookie|private_?key|api_?key|credential|unlock/i

/** Shapes of secrets that may stand inside of any text, each replaced as a whole. */
const secretTexts: readonly RegExp[] = [
  /-----BEGIN [^-\n]*PRIVATE KEY[\s\S]*?(?:-----END [^-\n]*-----|$)/g,
  /\bgh[a-z]_[A-Za-z0-9_.-]{8,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{8,}/g,
  /\bv1\.[0-9a-f]{40}\b/g,
  /\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?/g,
  /\b(?:bearer|basic|token)\s+[A-Za-z0-9+/_.~-]{8,}=*/gi,
  /(?<=:\/\/)[^/\s@]+(?=@)/g,
]

const longestText = 4_096
const deepest = 8
const widest = 100

/** The text without anything that looks like a secret, cut to a length a log can bear. */
export function scrubText(text: string): string {
  // Cut only after the replacing: a secret whose tail is cut off no longer looks like one. The first cut bounds the work.
  let scrubbed = text.length > 4 * longestText ? text.slice(0, 4 * longestText) : text
  for (const shape of secretTexts) scrubbed = scrubbed.replace(shape, masked)
  return scrubbed.length > longestText ? `${scrubbed.slice(0, longestText)}…` : scrubbed
}

/**
 * A plain copy of the value that is fit for a log line. Checks: wrapped secrets, members whose name says secret, and
 * secret-looking text, at every depth, in error causes too. Bytes become their length. Never throws.
 */
export function scrub(value: unknown): unknown {
  return scrubAt(value, 0, new Set())
}

function scrubAt(value: unknown, depth: number, above: Set<object>): unknown {
  switch (typeof value) {
    case 'string':
      return scrubText(value)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'boolean':
    case 'undefined':
      return value
    case 'bigint':
      return value.toString()
    case 'symbol':
    case 'function':
      return `[${typeof value}]`
    case 'object':
      break
  }
  if (value === null) return null
  if (isWrappedSecret(value)) return masked
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (above.has(value)) return '[circular]'
  if (depth >= deepest) return '[deep]'
  above.add(value)
  try {
    return scrubObject(value, depth + 1, above)
  } catch {
    return '[unreadable]'
  } finally {
    above.delete(value)
  }
}

function scrubObject(value: object, depth: number, above: Set<object>): unknown {
  if (value instanceof Error) return scrubMembers(errorMembers(value), depth, above)
  if (value instanceof Map)
    return scrubMembers(
      [...value].map(([key, item]) => [String(key), item]),
      depth,
      above,
    )
  if (value instanceof Set || Array.isArray(value))
    return [...value].slice(0, widest).map((item) => scrubAt(item, depth, above))
  if (value instanceof Date || value instanceof URL || value instanceof RegExp) return scrubText(String(value))
  return scrubMembers(Object.entries(value), depth, above)
}

function scrubMembers(members: readonly [string, unknown][], depth: number, above: Set<object>): object {
  const scrubbed: Record<string, unknown> = Object.create(null)
  for (const [key, item] of members.slice(0, widest)) {
    const isSecret = secretKey.test(key) && item !== null && item !== undefined && typeof item !== 'boolean'
    scrubbed[scrubText(key)] = isSecret ? masked : scrubAt(item, depth, above)
  }
  return scrubbed
}

/** What an error says, with its stack and cause, then whatever it carries besides. */
function errorMembers(error: Error): [string, unknown][] {
  const own = Object.entries(error).filter(([key]) => !['name', 'message', 'stack', 'cause'].includes(key))
  const members: [string, unknown][] = [
    ['name', error.name],
    ['message', error.message],
    ['stack', error.stack],
    ...own,
  ]
  if (error.cause !== undefined) members.push(['cause', error.cause])
  return members
}

function isWrappedSecret(value: object): boolean {
  return 'reveal' in value && typeof value.reveal === 'function'
}
