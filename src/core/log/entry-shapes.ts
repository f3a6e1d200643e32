import {
  byteSet,
  type EndIn,
  firstEnd,
  fixedTextEnd,
  hexBytes,
  literalEnd,
  plainBytes,
  textEnd,
  unseen,
} from '../bytes/canonical-end.ts'
import { integer, list, nullable, object, oneOf, record, type Shape, text } from '../bytes/shape.ts'

/** Shapes of which the data of log entries is made. */

/** Whether a text is made of lower-case hex digits; half of what an entry says is, and a pattern takes several times as long. */
function isHex(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (!((unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66))) return false
  }
  return true
}

const hex = (lengths: readonly number[], pattern: RegExp): Shape<string> => ({
  ...text({ min: Math.min(...lengths), max: Math.max(...lengths), pattern }),
  endIn: firstEnd(lengths.map((length) => fixedTextEnd(hexBytes, length))),
  fits: (value) => typeof value === 'string' && lengths.includes(value.length) && isHex(value),
})

/** Text without control characters; bytes that a canonical text holds as they are hold none. */
const printable = (max: number): Shape<string> => ({
  ...text({ min: 1, max, pattern: /^\P{Cc}+$/u }),
  endIn: textEnd(plainBytes, { min: 1, max }),
})

const dash = 0x2d
const codeBytes = byteSet((byte) => byte === dash || (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a))
const dashedEnd = textEnd(codeBytes, { min: 1, max: 64 })

/** The end of words with one dash between two of them. */
const codeEnd: EndIn = (bytes, at) => {
  const end = dashedEnd(bytes, at)
  if (end === unseen || bytes[at + 1] === dash || bytes[end - 2] === dash) return unseen
  for (let i = at + 2; i < end; i++) if (bytes[i] === dash && bytes[i - 1] === dash) return unseen
  return end
}

export const sha256Text = hex([64], /^[0-9a-f]{64}$/)
export const gitId = hex([40, 64], /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)
export const entryId = hex([32], /^[0-9a-f]{32}$/)
export const forgeId = integer(1, Number.MAX_SAFE_INTEGER)
export const natural = integer(0, Number.MAX_SAFE_INTEGER)
export const branchName = printable(1024)
export const code: Shape<string> = {
  ...text({ min: 1, max: 64, pattern: /^[a-z0-9]+(?:-[a-z0-9]+)*$/ }),
  endIn: codeEnd,
}
export const releaseTag = text({ min: 1, max: 128, pattern: /^[A-Za-z0-9@][A-Za-z0-9._+@/-]*$/ })
export const line = printable(2000)
export const note = text({ min: 1, max: 16_384 })
export const accounts = list(object({ login: printable(100), account: forgeId }), {
  max: 10_000,
})

/** One of several shapes that differ in the value of one member. */
function taggedBy<T>(tag: string, variants: Readonly<Record<string, Shape<T>>>): Shape<T> {
  const byName = new Map(Object.entries(variants))
  const variantOf = (value: unknown): Shape<T> | undefined => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, tag)) return undefined
    return byName.get(String((value as Readonly<Record<string, unknown>>)[tag]))
  }
  return {
    // The tag is a member of each variant, which allows one value of it.
    endIn: firstEnd(Object.values(variants).map(({ endIn }) => endIn)),
    fits: (value) => variantOf(value)?.fits(value) === true,
    check: (value, path, faults) => {
      const variant = variantOf(value)
      if (variant === undefined)
        faults.push({ code: 'not-allowed', path, data: { allowed: Object.keys(variants).join(', ') } })
      else variant.check(value, path, faults)
    },
    schema: () => ({ oneOf: Object.values(variants).map((variant) => variant.schema()) }),
  }
}

const isScalar = (value: unknown): boolean =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

const scalar: Shape<string | number | boolean | null> = {
  endIn: firstEnd([
    textEnd(plainBytes, { min: 0, max: Number.MAX_SAFE_INTEGER }),
    integer(0, Number.MAX_SAFE_INTEGER).endIn,
    ...['null', 'true', 'false'].map(literalEnd),
  ]),
  fits: isScalar,
  check: (value, path, faults) => {
    if (isScalar(value)) return
    faults.push({ code: 'wrong-type', path, data: { expected: 'scalar', found: typeof value } })
  },
  schema: () => ({ anyOf: ['string', 'number', 'boolean', 'null'].map((type) => ({ type })) }),
}

/** Identifiers, codes and counts by name. */
export const details = record(/^[A-Za-z][A-Za-z0-9]{0,63}$/, scalar, { max: 64 })

const actors = {
  server: object({ kind: oneOf(['server']) }),
  operator: object({ kind: oneOf(['operator']) }),
  forge: object({ kind: oneOf(['forge']), account: nullable(forgeId) }),
  person: object({ kind: oneOf(['person']), account: forgeId, keyid: sha256Text }),
}

const subjects = {
  deployment: object({ kind: oneOf(['deployment']) }),
  change: object({ kind: oneOf(['change']), repository: forgeId, number: forgeId }),
  branch: object({ kind: oneOf(['branch']), repository: forgeId, ref: branchName }),
  person: object({ kind: oneOf(['person']), account: forgeId }),
  release: object({ kind: oneOf(['release']), repository: forgeId, tag: releaseTag }),
}

export type ActorKind = keyof typeof actors
export type SubjectKind = keyof typeof subjects

const chosen = <T>(all: Readonly<Record<string, Shape<T>>>, kinds: readonly string[]): Shape<T> =>
  taggedBy('kind', Object.fromEntries(Object.entries(all).filter(([kind]) => kinds.includes(kind))))

export const actorOf = (kinds: readonly ActorKind[]): Shape<unknown> => chosen<unknown>(actors, kinds)
export const subjectOf = (kinds: readonly SubjectKind[]): Shape<unknown> => chosen<unknown>(subjects, kinds)
