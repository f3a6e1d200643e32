import { inspect } from 'node:util'

/**
 * A value that never prints: text, JSON and inspection show `[secret]`. `reveal()` is the one way to it, and greppable.
 * The value lives in a closure, so neither a property walk nor a structured clone finds it.
 */
export type Secret<T> = {
  reveal(): T
  toString(): string
  toJSON(): string
}

const masked = (): string => '[secret]'

/** Wraps `value` so that only `reveal()` gives it back. */
export function secret<T>(value: T): Secret<T> {
  const wrapped = { reveal: () => value, toString: masked, toJSON: masked, [inspect.custom]: masked }
  for (const key of Reflect.ownKeys(wrapped)) Object.defineProperty(wrapped, key, { enumerable: false })
  return Object.freeze(wrapped)
}
