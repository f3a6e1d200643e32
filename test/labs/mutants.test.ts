import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'

/**
 * Every defence is needed: `test/mutants/Tnn.patch` takes it away, alone, and a test of that id must fail. `MUTANTS=T13,T25`
 * runs some of them.
 */
const root = join(import.meta.dirname, '..', '..')
const folder = join(root, 'test', 'mutants')
const copied = ['package.json', 'tsconfig.json', 'scripts', 'src', 'test', 'docs', 'spec', 'bench', 'bin', 'config']
const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `T${String(from + i).padStart(2, '0')}`)
const ids = [...range(1, 49), 'T08a', 'T08b', 'T54', 'T56', 'T59', 'T60'].sort()
const only = process.env['MUTANTS']?.split(',')
const wanted = only === undefined ? ids : ids.filter((id) => only.includes(id))
const testTimeoutMs = 180_000

interface Ran {
  readonly code: number
  readonly output: string
}

const run = (cwd: string, file: string, ...args: readonly string[]): Promise<Ran> =>
  new Promise((settle) => {
    const env = { ...process.env }
    // The child is a runner of its own, not a part of this one.
    delete env['NODE_TEST_CONTEXT']
    execFile(file, args, { cwd, env, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }),
    )
  })

/** A copy of this tree in which a defence may be taken away, with what lies beside the tree. */
function copyTree(): { readonly tree: string; remove(): void } {
  const place = mkdtempSync(join(tmpdir(), 'governance-mutants-'))
  const tree = join(place, 'main')
  mkdirSync(tree)
  for (const name of copied)
    if (existsSync(join(root, name))) cpSync(join(root, name), join(tree, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  const shared = join(root, '..', 'shared')
  if (existsSync(shared)) symlinkSync(shared, join(place, 'shared'))
  return { tree, remove: () => rmSync(place, { recursive: true, force: true }) }
}

/** The test files with a test of this id, the quick ones first. */
function filesOf(id: string): string[] {
  const name = new RegExp(`['"\`].*\\b${id}\\b`)
  const cost = (path: string): number =>
    path.startsWith('src/') ? 0 : /fault\/(gate|store|forged|matrix)/.test(path) ? 2 : 1
  return globSync('{src,test}/**/*.test.ts', { cwd: root })
    .filter((path) => !path.startsWith('test/labs/'))
    .filter((path) => name.test(readFileSync(join(root, path), 'utf8')))
    .sort((a, b) => cost(a) - cost(b) || (a < b ? -1 : 1))
}

const runTests = (tree: string, pattern: string, files: readonly string[]): Promise<Ran> =>
  run(
    tree,
    process.execPath,
    '--test',
    '--test-reporter=tap',
    '--test-concurrency=1',
    // A mutant may leave something running for ever.
    '--test-force-exit',
    `--test-timeout=${testTimeoutMs}`,
    '--test-name-pattern',
    pattern,
    ...files,
  )

const failedTests = ({ output }: Ran): string[] =>
  [...output.matchAll(/^\s*not ok \d+ - (.*)$/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !/# (SKIP|TODO)/.test(name))

/** What became of one mutant. */
interface Fate {
  readonly id: string
  readonly killedBy: string | null
  readonly why: string
  readonly seconds: number
}

async function tryMutant(tree: string, id: string): Promise<Fate> {
  const begun = performance.now()
  const end = (killedBy: string | null, why: string): Fate => ({
    id,
    killedBy,
    why,
    seconds: (performance.now() - begun) / 1_000,
  })
  const patch = join(folder, `${id}.patch`)
  if (!existsSync(patch)) return end(null, 'no patch')
  const files = filesOf(id)
  if (files.length === 0) return end(null, 'no test has this id')
  const applied = await run(tree, 'git', 'apply', '--whitespace=nowarn', patch)
  if (applied.code !== 0) return end(null, `the patch does not apply: ${applied.output.trim().split('\n')[0]}`)
  try {
    for (const file of files) {
      const failed = failedTests(await runTests(tree, `\\b${id}\\b`, [file]))
      // A file that does not even load proves nothing: the test itself has to fail.
      const killer = failed.find((name) => new RegExp(`\\b${id}\\b`).test(name))
      if (killer !== undefined) return end(killer, basename(file))
    }
    return end(null, `survived ${files.length} test files`)
  } finally {
    const back = await run(tree, 'git', 'apply', '-R', '--whitespace=nowarn', patch)
    assert.equal(back.code, 0, `${id} could not be taken back: ${back.output}`)
  }
}

test('every defence of the threat list is needed by a test that carries its id', async (t) => {
  const unknown = globSync('*.patch', { cwd: folder })
    .map((name) => basename(name, '.patch'))
    .filter((id) => !ids.includes(id))
  assert.deepEqual(unknown, [], 'patches of no known threat')

  const control = copyTree()
  t.after(control.remove)
  const files = [...new Set(wanted.flatMap(filesOf))]
  assert.ok(files.length > 0, 'no test carries an id')
  const healthy = await runTests(control.tree, `\\b(${wanted.join('|')})\\b`, files)
  assert.deepEqual(failedTests(healthy), [], `without any mutant something fails\n${healthy.output.slice(-4_000)}`)
  t.diagnostic(`control: ${files.length} test files pass as they are`)

  const fates: Fate[] = []
  const queue = [...wanted]
  const work = async (tree: string): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      const fate = await tryMutant(tree, id)
      fates.push(fate)
      t.diagnostic(
        `${fate.id.padEnd(5)} ${fate.killedBy === null ? 'ALIVE ' : 'killed'} ${fate.seconds.toFixed(1).padStart(6)} s  ` +
          `${fate.why}${fate.killedBy === null ? '' : `: ${fate.killedBy}`}`,
      )
    }
  }
  const second = copyTree()
  t.after(second.remove)
  await Promise.all([work(control.tree), work(second.tree)])
  const alive = fates.filter(({ killedBy }) => killedBy === null).sort((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual(
    alive.map(({ id, why }) => `${id}: ${why}`),
    [],
  )
})
