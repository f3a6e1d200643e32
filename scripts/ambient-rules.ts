import { freeNames } from './free-names.ts'
import type { FreeName } from './free-names.ts'
import { isTest } from './import-rules.ts'
import type { Finding } from './import-rules.ts'
import type { Module } from './module-graph.ts'
import { childrenOf, isNode, lineAt } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** Globals of the language itself that give the same answer on every machine at every moment. */
const PURE = new Set(
  `undefined NaN Infinity Object Array Map Set WeakMap WeakSet Symbol String Number Boolean BigInt Math JSON RegExp Promise
  Proxy Reflect Iterator ArrayBuffer DataView Uint8Array Uint8ClampedArray Uint16Array Uint32Array Int8Array Int16Array
  Int32Array Float32Array Float64Array BigInt64Array BigUint64Array Error TypeError RangeError SyntaxError AggregateError
  isNaN isFinite parseInt parseFloat encodeURIComponent decodeURIComponent`.split(/\s+/),
)

/** What flows may use besides: conveniences of the host that carry no time, no randomness and no way out. */
const HARMLESS = new Set(
  'Date URL URLSearchParams AbortController AbortSignal structuredClone queueMicrotask'.split(' '),
)

/** Time, randomness and timers of the host, and ways around this list. They come through ports instead. */
const AMBIENT = new Set('setTimeout setInterval performance globalThis global eval Function require'.split(' '))
const AMBIENT_MODULES = new Set('process timers timers/promises perf_hooks module vm'.split(' '))

/** Methods whose answer depends on the machine's time zone or locale. */
const LOCAL =
  /^(get(Timezone\w+|Hours|Minutes|Date|Day|Month|FullYear|Year)|set(Hours|Minutes|Date|Month|FullYear)|toLocale\w+|localeCompare|to(Date|Time)String)$/

/** The only files that touch the host's clock, randomness and timers. */
const AMBIENT_AUTHORITY = /^src\/(system\.ts$|main\.ts$|delivery\/cli\/)/
const READS_ENVIRONMENT = /^src\/config\//

/** Every use of time, randomness, timers, environment or another global of the host where the house forbids it. */
export function ambientFindings(modules: readonly Module[]): Finding[] {
  return modules
    .filter(({ file }) => !isTest(file.path))
    .flatMap((module) => {
      const { file } = module
      const at = (node: SyntaxNode, message: string): Finding => ({
        path: file.path,
        line: lineAt(file, node.start),
        message,
      })
      return [
        ...freeNames(file.program).flatMap((free) => {
          const message = refusal(file.path, free)
          return message === undefined ? [] : [at(free.node, message)]
        }),
        ...localTime(file.path, file.program).map((node) => at(node, 'depends on the time zone or locale of the host')),
        ...moduleFindings(module),
      ]
    })
}

function refusal(path: string, { name, parent, node }: FreeName): string | undefined {
  const member = memberOf(node, parent)
  if (name === 'process' && !READS_ENVIRONMENT.test(path)) {
    if (member === undefined) return 'process as a whole; name the part that is used'
    if (member === 'env') return 'process.env is read by src/config only'
  }
  if (path.startsWith('src/core/')) {
    if (!PURE.has(name)) return `${name} is a global of the host; core is pure`
  } else if (path.startsWith('src/flows/')) {
    if (!PURE.has(name) && !HARMLESS.has(name)) return `${name} comes through a port, not from the host`
    if (name === 'AbortSignal' && member === 'timeout')
      return 'AbortSignal.timeout is a timer; timers come through a port'
  }
  if (AMBIENT_AUTHORITY.test(path)) return undefined
  if (AMBIENT.has(name)) return `${name} comes through a port, not from the host`
  if (name === 'Math' && (member === undefined || member === 'random'))
    return 'Math.random (or Math as a whole); randomness comes through a port'
  if (name === 'Date' && !isPureDate(member, parent)) return 'Date reads the clock; time comes through a port'
  if (name === 'process' && (member === 'hrtime' || member === 'uptime')) return 'process reads the clock'
  return undefined
}

/** The property read from a name by `name.property`; undefined where the name is used in any other way. */
function memberOf(node: SyntaxNode, parent: SyntaxNode): string | undefined {
  if (parent.type !== 'MemberExpression' || parent['object'] !== node || parent['computed'] === true) return undefined
  const property = parent['property']
  return isNode(property) ? (property['name'] as string) : undefined
}

/** `new Date(x)`, `Date.UTC`, `Date.parse` and `x instanceof Date` do not read the clock; an alias of Date may. */
function isPureDate(member: string | undefined, parent: SyntaxNode): boolean {
  if (member === 'UTC' || member === 'parse') return true
  if (parent.type === 'BinaryExpression') return parent['operator'] === 'instanceof'
  if (parent.type !== 'NewExpression') return false
  const [first] = parent['arguments'] as SyntaxNode[]
  return first !== undefined && first.type !== 'SpreadElement'
}

function localTime(path: string, program: SyntaxNode): SyntaxNode[] {
  if (path.startsWith('src/delivery/')) return []
  const found: SyntaxNode[] = []
  const visit = (node: SyntaxNode): void => {
    const property = node.type === 'MemberExpression' && node['computed'] !== true ? node['property'] : undefined
    if (isNode(property) && LOCAL.test(property['name'] as string)) found.push(property)
    for (const child of childrenOf(node)) visit(child)
  }
  visit(program)
  return found
}

function moduleFindings({ file, imports }: Module): Finding[] {
  return imports.flatMap(({ line, target }) => {
    if (target.kind !== 'node' || !AMBIENT_MODULES.has(target.name)) return []
    if (AMBIENT_AUTHORITY.test(file.path) && target.name !== 'process') return []
    return [{ path: file.path, line, message: `node:${target.name} hides ambient authority` }]
  })
}
