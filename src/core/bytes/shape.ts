import {
  type EndIn,
  firstEnd,
  integerEnd,
  listEnd,
  literalEnd,
  objectEnd,
  plainBytes,
  plainText,
  recordEnd,
  textEnd,
  unseen,
} from './canonical-end.ts'

/** One place where a value is not what its shape says. `path` is an RFC 6901 JSON pointer. */
export interface ShapeFault {
  readonly code: 'wrong-type' | 'unknown-key' | 'missing-key' | 'bad-key' | 'bad-text' | 'out-of-range' | 'not-allowed'
  readonly path: string
  readonly data: Readonly<Record<string, string | number>>
}

/**
 * A declaration of what a JSON value looks like. It checks values and writes itself as JSON Schema, so that the two
 * cannot drift apart.
 */
export interface Shape<T> {
  /** Appends one fault per place that does not fit, in document order. */
  readonly check: (value: unknown, path: string, faults: ShapeFault[]) => void
  /** Whether `check` finds nothing, at a fraction of its cost: what nearly every value is asked. */
  readonly fits: (value: unknown) => boolean
  /** Where canonical bytes of a value that fits end, as far as a quick look can tell; see `EndIn`. */
  readonly endIn: EndIn
  /** The same declaration in JSON Schema 2020-12. */
  readonly schema: () => object
  /** Never called: holds the type that a checked value has. */
  readonly type?: () => T
}

/** The type of the values that fit a shape. */
export type ShapeOf<S> = S extends Shape<infer T> ? T : never

/** Appends one reference token to a JSON pointer. Spec: RFC 6901 §3. */
export function pointer(path: string, token: string | number): string {
  // Most tokens are plain, and a path is made for every value that is looked at.
  if (typeof token === 'number' || !/[~/]/.test(token)) return `${path}/${token}`
  return `${path}/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

const typeName = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : value === undefined ? 'nothing' : typeof value

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const wrongType = (path: string, expected: string, value: unknown): ShapeFault => ({
  code: 'wrong-type',
  path,
  data: { expected, found: typeName(value) },
})

/** Text of at most `max` UTF-16 code units, well-formed, that matches the pattern where one is given. */
export function text(limit: { readonly max: number; readonly min?: number; readonly pattern?: RegExp }): Shape<string> {
  const min = limit.min ?? 0
  const { max, pattern } = limit
  const plainEnd = textEnd(plainBytes, { min, max })
  return {
    endIn: (bytes, at) => {
      const end = plainEnd(bytes, at)
      return pattern === undefined || end === unseen || pattern.test(plainText(bytes, at, end)) ? end : unseen
    },
    fits: (value) =>
      typeof value === 'string' &&
      value.length <= limit.max &&
      value.length >= min &&
      value.isWellFormed() &&
      (limit.pattern === undefined || limit.pattern.test(value)),
    check: (value, path, faults) => {
      if (typeof value !== 'string') faults.push(wrongType(path, 'string', value))
      else if (value.length > limit.max || value.length < min)
        faults.push({ code: 'out-of-range', path, data: { min, max: limit.max, found: value.length } })
      else if (!value.isWellFormed() || (limit.pattern !== undefined && !limit.pattern.test(value)))
        faults.push({ code: 'bad-text', path, data: { pattern: limit.pattern?.source ?? 'well-formed Unicode' } })
    },
    schema: () => ({
      type: 'string',
      ...(min > 0 ? { minLength: min } : {}),
      maxLength: limit.max,
      ...(limit.pattern === undefined ? {} : { pattern: limit.pattern.source }),
    }),
  }
}

/** A safe integer from `min` to `max`, both included. */
export function integer(min: number, max: number): Shape<number> {
  return {
    endIn: integerEnd(min, max),
    fits: (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max,
    check: (value, path, faults) => {
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) faults.push(wrongType(path, 'integer', value))
      else if (value < min || value > max) faults.push({ code: 'out-of-range', path, data: { min, max, found: value } })
    },
    schema: () => ({ type: 'integer', minimum: min, maximum: max }),
  }
}

/** `true` or `false`. */
export const boolean: Shape<boolean> = {
  endIn: firstEnd([literalEnd('true'), literalEnd('false')]),
  fits: (value) => typeof value === 'boolean',
  check: (value, path, faults) => {
    if (typeof value !== 'boolean') faults.push(wrongType(path, 'boolean', value))
  },
  schema: () => ({ type: 'boolean' }),
}

/** One of the listed values. */
export function oneOf<const T extends string | number>(values: readonly T[]): Shape<T> {
  return {
    endIn: firstEnd(values.map((value) => literalEnd(JSON.stringify(value)))),
    fits: (value) => values.some((allowed) => allowed === value),
    check: (value, path, faults) => {
      if (!values.some((allowed) => allowed === value))
        faults.push({ code: 'not-allowed', path, data: { allowed: values.join(', '), found: typeName(value) } })
    },
    schema: () => (values.length === 1 ? { const: values[0] } : { enum: [...values] }),
  }
}

/** The shape's value or null. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return {
    endIn: firstEnd([literalEnd('null'), shape.endIn]),
    fits: (value) => value === null || shape.fits(value),
    check: (value, path, faults) => {
      if (value !== null) shape.check(value, path, faults)
    },
    schema: () => ({ anyOf: [shape.schema(), { type: 'null' }] }),
  }
}

/** A list of `min` to `max` values of one shape. A longer list is refused without looking at its items. */
export function list<T>(item: Shape<T>, limit: { readonly max: number; readonly min?: number }): Shape<readonly T[]> {
  const min = limit.min ?? 0
  return {
    endIn: listEnd(item.endIn, { min, max: limit.max }),
    fits: (value) =>
      Array.isArray(value) && value.length >= min && value.length <= limit.max && value.every((one) => item.fits(one)),
    check: (value, path, faults) => {
      if (!Array.isArray(value)) faults.push(wrongType(path, 'array', value))
      else if (value.length < min || value.length > limit.max)
        faults.push({ code: 'out-of-range', path, data: { min, max: limit.max, found: value.length } })
      else for (let i = 0; i < value.length; i++) item.check(value[i], pointer(path, i), faults)
    },
    schema: () => ({
      type: 'array',
      items: item.schema(),
      ...(min > 0 ? { minItems: min } : {}),
      maxItems: limit.max,
    }),
  }
}

/** An object whose keys all match one pattern and whose values all have one shape. */
export function record<T>(
  key: RegExp,
  item: Shape<T>,
  limit: { readonly max: number },
): Shape<Readonly<Record<string, T>>> {
  return {
    endIn: recordEnd((name) => key.test(name), item.endIn, limit.max),
    fits: (value) => {
      if (!isObject(value)) return false
      const names = Object.keys(value)
      return names.length <= limit.max && names.every((name) => key.test(name) && item.fits(value[name]))
    },
    check: (value, path, faults) => {
      if (!isObject(value)) {
        faults.push(wrongType(path, 'object', value))
        return
      }
      const names = Object.keys(value)
      if (names.length > limit.max) {
        faults.push({ code: 'out-of-range', path, data: { min: 0, max: limit.max, found: names.length } })
        return
      }
      for (const name of names) {
        if (!key.test(name)) faults.push({ code: 'bad-key', path: pointer(path, name), data: { pattern: key.source } })
        else item.check(value[name], pointer(path, name), faults)
      }
    },
    schema: () => ({
      type: 'object',
      propertyNames: { pattern: key.source },
      additionalProperties: item.schema(),
      maxProperties: limit.max,
    }),
  }
}

/** The shape of an object, with what it asks of each member. */
export interface ObjectShape<S extends Readonly<Record<string, Shape<unknown>>>>
  extends Shape<{
    readonly [K in keyof S]: ShapeOf<S[K]>
  }> {
  readonly members: S
}

/** An object with exactly these keys, all required: an unknown key is refused as a missing one is. */
export function object<S extends Readonly<Record<string, Shape<unknown>>>>(members: S): ObjectShape<S> {
  const names = Object.keys(members)
  const shapes = new Map(Object.entries(members))
  return {
    members,
    endIn: objectEnd(Object.fromEntries(names.map((name) => [name, (members[name] as Shape<unknown>).endIn]))),
    fits: (value) => {
      if (!isObject(value)) return false
      const found = Object.keys(value)
      if (found.length !== names.length) return false
      for (const name of found) if (shapes.get(name)?.fits(value[name]) !== true) return false
      return true
    },
    check: (value, path, faults) => {
      if (!isObject(value)) {
        faults.push(wrongType(path, 'object', value))
        return
      }
      for (const name of Object.keys(value))
        if (!Object.hasOwn(members, name)) faults.push({ code: 'unknown-key', path: pointer(path, name), data: {} })
      for (const name of names) {
        if (!Object.hasOwn(value, name)) faults.push({ code: 'missing-key', path: pointer(path, name), data: {} })
        else members[name]?.check(value[name], pointer(path, name), faults)
      }
    },
    schema: () => ({
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, members[name]?.schema()])),
      required: names,
      additionalProperties: false,
    }),
  }
}
