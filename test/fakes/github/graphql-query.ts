/** A small reader of GraphQL queries: fields, arguments, variables, aliases, inline fragments. */
import type { Json } from './world.ts'

/** A selected field. */
export type Selection = { alias: string; name: string; args: Json; fields: Selection[] }

/** What a field is made of: a value, or a function of the arguments. */
export type Source = { [name: string]: unknown }

/** Reads one query operation. @throws Error on anything that is not one */
export function parseQuery(text: string, variables: Json): Selection[] {
  const tokens =
    text.replace(/#[^\n]*/g, '').match(/"(?:[^"\\]|\\.)*"|\.\.\.|[A-Za-z_]\w*|-?\d+(?:\.\d+)?|[{}()[\]:$!=,@]/g) ?? []
  let at = 0
  const peek = () => tokens[at]
  const next = (wanted?: string): string => {
    const token = tokens[at++]
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`Parse error on ${JSON.stringify(token ?? 'end of file')}`)
    return token
  }
  const skipParens = () => {
    next('(')
    for (let depth = 1; depth > 0; ) {
      const token = next()
      depth += token === '(' ? 1 : token === ')' ? -1 : 0
    }
  }
  const value = (): unknown => {
    const token = next()
    if (token === '$') return variables[next()] ?? null
    if (token.startsWith('"')) return JSON.parse(token)
    if (token === 'true' || token === 'false') return token === 'true'
    if (token === 'null') return null
    return /^-?\d/.test(token) ? Number(token) : token
  }
  const args = (): Json => {
    const out: Json = {}
    if (peek() !== '(') return out
    next('(')
    while (peek() !== ')') {
      const name = next()
      next(':')
      out[name] = value()
      if (peek() === ',') next()
    }
    next(')')
    return out
  }
  const selections = (): Selection[] => {
    next('{')
    const out: Selection[] = []
    while (peek() !== '}') {
      if (peek() === ',') {
        next()
      } else if (peek() === '...') {
        next()
        next('on')
        next()
        out.push(...selections())
      } else {
        let name = next()
        const alias = name
        if (peek() === ':') {
          next()
          name = next()
        }
        out.push({ alias, name, args: args(), fields: [] })
        const last = out.at(-1)
        if (peek() === '{' && last !== undefined) last.fields = selections()
      }
    }
    next('}')
    return out
  }
  if (peek() !== '{') {
    next('query')
    if (peek() !== '(' && peek() !== '{') next()
    if (peek() === '(') skipParens()
  }
  return selections()
}

/** What the selections show of a source; only what was asked for. @throws Error for a field that does not exist */
export function project(source: unknown, fields: readonly Selection[]): unknown {
  if (source === null || source === undefined) return null
  if (Array.isArray(source)) return source.map((item) => project(item, fields))
  if (typeof source !== 'object') return source
  if (fields.length === 0) throw new Error('Field must have selections')
  const out: Json = {}
  for (const { alias, name, args, fields: inner } of fields) {
    const value = (source as Source)[name]
    if (value === undefined) throw new Error(`Field '${name}' doesn't exist`)
    out[alias] = project(typeof value === 'function' ? (value as (args: Json) => unknown)(args) : value, inner)
  }
  return out
}
