import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { copyTree } from '../house/tree-copy.ts'

/** One broken rule: the step that must see it, the file it must name, and what is written. */
type Plant = {
  readonly rule: string
  readonly step: string
  readonly names: string
  readonly files: Readonly<Record<string, string>>
}

const tree = copyTree()
after(() => tree.remove())

const alone: readonly Plant[] = [
  {
    rule: 'node: in core',
    step: 'boundaries',
    names: 'src/core/planted.ts:1: may not import node:fs',
    files: { 'src/core/planted.ts': "import { readFileSync } from 'node:fs'\nexport const read = readFileSync\n" },
  },
  {
    rule: 'an adapter importing another adapter',
    step: 'boundaries',
    names: 'src/adapters/planted-one/one.ts:1: may not import src/adapters/planted-two/two.ts',
    files: {
      'src/adapters/planted-one/one.ts': "export { two } from '../planted-two/two.ts'\n",
      'src/adapters/planted-two/two.ts': 'export const two = 2\n',
    },
  },
  {
    rule: 'Date.now in core',
    step: 'boundaries',
    names: 'src/core/planted.ts:1: Date',
    files: { 'src/core/planted.ts': 'export const at = (): number => Date.now()\n' },
  },
  {
    rule: 'delivery imported by flows',
    step: 'boundaries',
    names: 'src/flows/planted/step.ts:1: may not import src/delivery/planted/route.ts',
    files: {
      'src/flows/planted/step.ts':
        "import type { Route } from '../../delivery/planted/route.ts'\nexport type Step = Route\n",
      'src/delivery/planted/route.ts': 'export type Route = string\n',
    },
  },
  {
    rule: 'a cycle between flows',
    step: 'boundaries',
    names:
      'src/flows/planted-a/a.ts:1: import cycle: src/flows/planted-a/a.ts → src/flows/planted-b/b.ts → src/flows/planted-a/a.ts',
    files: {
      'src/flows/planted-a/a.ts': "import { b } from '../planted-b/b.ts'\nexport const a = (): number => b()\n",
      'src/flows/planted-b/b.ts': "import { a } from '../planted-a/a.ts'\nexport const b = (): number => a()\n",
    },
  },
  {
    rule: 'an npm package in flows',
    step: 'boundaries',
    names: 'src/flows/planted/step.ts:1: may not import the package zod',
    files: { 'src/flows/planted/step.ts': "import { z } from 'zod'\nexport const schema = z.string()\n" },
  },
  {
    rule: 'an unused export',
    step: 'unused',
    names: 'src/planted-part.ts:2',
    files: {
      'src/planted-part.ts': 'export const used = 1\nexport const nobodyWantsThis = 2\n',
      'src/main.ts': `import { used } from './planted-part.ts'\n${tree.read('src/main.ts')}\nused.toString()\n`,
    },
  },
  {
    rule: 'a file that nothing reaches',
    step: 'unused',
    names: 'src/planted-orphan.ts',
    files: { 'src/planted-orphan.ts': 'export const orphan = 1\n' },
  },
  {
    rule: 'an unformatted file',
    step: 'format',
    names: 'src/core/planted.ts',
    files: { 'src/core/planted.ts': 'export const a = "double";\n' },
  },
  {
    rule: 'a type error',
    step: 'types',
    names: 'src/flows/planted/step.ts',
    files: { 'src/flows/planted/step.ts': "export const n: number = 'text'\n" },
  },
  {
    rule: 'a global of Node in core, by its type',
    step: 'types',
    names: 'src/core/planted.ts',
    files: { 'src/core/planted.ts': 'export const text = new TextEncoder()\n' },
  },
  {
    rule: 'a promise that nobody awaits',
    step: 'lint',
    names: 'src/flows/planted/step.ts',
    files: {
      'src/flows/planted/step.ts':
        'async function work(): Promise<number> {\n  return 1\n}\nexport function start(): void {\n  work()\n}\n',
    },
  },
  {
    rule: 'a default export',
    step: 'lint',
    names: 'src/core/planted.ts',
    files: { 'src/core/planted.ts': 'export default 1\n' },
  },
  {
    rule: 'a generated file that was edited by hand',
    step: 'generated',
    names: 'docs/reference/dependencies.md: differs',
    files: { 'docs/reference/dependencies.md': `${tree.read('docs/reference/dependencies.md')}by hand\n` },
  },
  {
    rule: 'a generated file that nothing generates',
    step: 'generated',
    names: 'spec/schema/planted.json: no generator makes it',
    files: { 'spec/schema/planted.json': '{}\n' },
  },
  {
    rule: 'a schema that the code no longer says',
    step: 'generated',
    names: 'spec/schema/policy-v1.json: differs',
    files: {
      'src/core/policy/policy-schema.ts': tree
        .read('src/core/policy/policy-schema.ts')
        .replace("title: 'policy-v1'", "title: 'planted'"),
    },
  },
  {
    rule: 'an empty list of generated files',
    step: 'generated',
    names: '0 generated files',
    files: {
      'scripts/generators.ts':
        'export const GENERATORS: readonly { path: string; produce(root: string): string }[] = []\n',
    },
  },
]

/** Ways around the rules, each in its own file, judged in one run. */
const bypasses: readonly { readonly path: string; readonly text: string; readonly says: string }[] = [
  { path: 'src/core/planted-alias.ts', text: 'const d = Date\nexport const at = d\n', says: 'Date' },
  { path: 'src/core/planted-new.ts', text: 'export const at = (): Date => new Date()\n', says: 'Date' },
  { path: 'src/core/planted-global.ts', text: 'export const g = globalThis\n', says: 'globalThis' },
  { path: 'src/core/planted-random.ts', text: 'export const { random } = Math\n', says: 'Math' },
  { path: 'src/core/planted-dynamic.ts', text: "export const f = () => import('node:fs')\n", says: 'node:fs' },
  { path: 'src/core/planted-computed.ts', text: 'export const f = (p: string) => import(p)\n', says: 'computed' },
  { path: 'src/core/planted-star.ts', text: "export * from '../flows/ports.ts'\n", says: 'src/flows/ports.ts' },
  { path: 'src/core/planted-type.ts', text: "export type T = import('zod').ZodType\n", says: 'zod' },
  { path: 'src/core/planted-bare.ts', text: "import 'fs'\n", says: 'node:fs' },
  { path: 'src/core/planted-performance.ts', text: 'export const t = performance.now()\n', says: 'performance' },
  { path: 'src/core/planted-crypto.ts', text: 'export const r = crypto.randomUUID()\n', says: 'crypto' },
  { path: 'src/core/planted-fetch.ts', text: "export const r = fetch('x')\n", says: 'fetch' },
  {
    path: 'src/core/planted-declared.ts',
    text: 'declare const process: unknown\nexport const p = process\n',
    says: 'process',
  },
  {
    path: 'src/core/planted-scope.ts',
    text: 'export const f = (process: number): number => process\nexport const g = (): unknown => process.exit\n',
    says: 'process',
  },
  { path: 'src/core/planted-locale.ts', text: "export const n = 'a'.localeCompare('b')\n", says: 'locale' },
  { path: 'src/core/utils.ts', text: 'export const x = 1\n', says: 'names nothing' },
  { path: 'src/core/planted-long.ts', text: 'export {}\n'.repeat(401), says: 'two rooms' },
  { path: 'src/flows/planted/timer.ts', text: 'setTimeout(() => {}, 1)\n', says: 'setTimeout' },
  { path: 'src/flows/planted/interval.ts', text: 'export const f = setInterval\n', says: 'setInterval' },
  {
    path: 'src/flows/planted/abort.ts',
    text: 'export const s = AbortSignal.timeout(1)\n',
    says: 'AbortSignal.timeout',
  },
  { path: 'src/flows/planted/exit.ts', text: 'process.exit(1)\n', says: 'process' },
  { path: 'src/flows/planted/node.ts', text: "import 'node:crypto'\n", says: 'node:crypto' },
  {
    path: 'src/flows/planted/inside.ts',
    text: "import '../../core/planted-star.ts'\n",
    says: 'src/core/planted-star.ts',
  },
  { path: 'src/flows/planted/test.ts', text: "import './step.test.ts'\n", says: 'the test' },
  { path: 'src/flows/planted/step.test.ts', text: '', says: '' },
  { path: 'src/adapters/planted/env.ts', text: "export const e = process.env['X']\n", says: 'process.env' },
  { path: 'src/adapters/planted/whole.ts', text: 'export const { env } = process\n', says: 'process as a whole' },
  { path: 'src/adapters/planted/clock.ts', text: 'export const n = Date.now\n', says: 'Date' },
  { path: 'src/adapters/planted/hidden.ts', text: "import 'node:timers/promises'\n", says: 'node:timers/promises' },
  { path: 'src/adapters/planted/loader.ts', text: "import 'node:module'\n", says: 'node:module' },
  {
    path: 'src/adapters/planted/gate.ts',
    text: "import '../../flows/planted/timer.ts'\n",
    says: 'src/flows/planted/timer.ts',
  },
  { path: 'src/adapters/planted/dev.ts', text: "import 'fast-check'\n", says: 'no runtime dependency' },
  {
    path: 'src/adapters/planted/worker.ts',
    text: "export const at = new URL('../../flows/planted/timer.ts', import.meta.url)\n",
    says: 'src/flows/planted/timer.ts',
  },
  { path: 'src/adapters/planted/gone.ts', text: "import './nowhere.ts'\n", says: 'is no file' },
  {
    path: 'src/delivery/planted/wires.ts',
    text: "import '../../adapters/planted/env.ts'\n",
    says: 'src/adapters/planted/env.ts',
  },
  { path: 'src/config/planted.ts', text: "import '../flows/planted/timer.ts'\n", says: 'src/flows/planted/timer.ts' },
  { path: 'src/elsewhere/planted.ts', text: 'export const x = 1\n', says: 'belongs to no ring' },
]

describe('npm run check', () => {
  test('the unmodified tree passes the dependency rule, with every module read', async () => {
    const { code, output } = await tree.check('--only', 'boundaries')
    assert.equal(code, 0, output)
  })

  for (const { rule, step, names, files } of alone) {
    test(`${rule} fails the step ${step}`, async () => {
      const { code, output } = await tree.withFiles(files, async () => tree.check('--only', step))
      assert.equal(code, 1, output)
      assert.match(output, new RegExp(`^FAIL ${step} `, 'm'))
      assert.ok(output.includes(names), `${names} is not in:\n${output}`)
    })
  }

  test('no way around the dependency rule and the ban on ambient authority is open', async (t) => {
    const files = Object.fromEntries(bypasses.map(({ path, text }) => [path, text]))
    const { output } = await tree.withFiles(files, async () => tree.check('--only', 'boundaries'))
    for (const { path, says } of bypasses) {
      const lines = output.split('\n').filter((line) => line.trimStart().startsWith(`${path}:`))
      await t.test(`${path} ${says === '' ? 'is fine' : `is refused: ${says}`}`, () => {
        if (says === '') assert.deepEqual(lines, [])
        else
          assert.ok(
            lines.some((line) => line.includes(says)),
            output,
          )
      })
    }
  })

  test('pure code is not refused', async () => {
    const pure = [
      'export type Clock = { readonly now: () => Date }',
      'export class Box<T extends object> {',
      '  readonly process: number = 1',
      '  fetch(performance: number): number {',
      '    const { crypto = 2, ...rest } = { crypto: performance, timer: [this.process] }',
      '    for (const setTimeout of rest.timer) if (setTimeout > crypto) return Math.max(setTimeout, crypto)',
      '    try {',
      '      return new Uint8Array(crypto).length',
      '    } catch (window) {',
      '      throw new RangeError(String(window))',
      '    }',
      '  }',
      '}',
      '',
    ].join('\n')
    const { output } = await tree.withFiles({ 'src/core/planted.ts': pure }, async () =>
      tree.check('--only', 'boundaries'),
    )
    assert.match(output, /\d+ modules, \d+ imports|^ok {3}boundaries/m)
    assert.doesNotMatch(output, /src\/core\/planted\.ts/)
  })

  test('every step runs and has its line even when the first fails', async () => {
    const files = { 'src/core/planted.ts': "export const n: number = 'text'\n" }
    const { code, output } = await tree.withFiles(files, async () => tree.check())
    assert.equal(code, 1, output)
    const steps = [...output.matchAll(/^(?:ok {2}|FAIL) (\w+) +\d+\.\d s$/gm)].map(([, name]) => name)
    assert.deepEqual(steps, ['types', 'lint', 'format', 'boundaries', 'unused', 'generated'])
    assert.match(output, /^FAIL types /m)
  })

  test('an unknown step is a usage error', async () => {
    const { code } = await tree.check('--only', 'everything')
    assert.equal(code, 64)
  })

  test('a checker that reads no module fails', async () => {
    rmSync(join(tree.root, 'src'), { recursive: true })
    const { code, output } = await tree.check('--only', 'boundaries')
    assert.equal(code, 1, output)
    assert.match(output, /0 modules read/)
  })
})
