import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'

/**
 * Runs the tests with Node's own runner and reporter, then lists what was skipped and why.
 *
 * `scripts/test.ts` runs all but the labs, `--labs` the labs, `scripts/test.ts PATTERN…` the named files.
 * Under `CI=true` a skip whose reason starts with "real part missing" fails: what CI must prove may not be absent there.
 */
const ROOT = join(import.meta.dirname, '..')
const REAL_PART_MISSING = 'real part missing'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { labs: { type: 'boolean' } } })
const files = testFiles(values.labs === true, positionals)
if (files.length === 0) {
  console.error('no test file matches; this tests nothing')
  process.exit(1)
}

// Every test file and every process that one starts loads the same sources: what was stripped and compiled once is kept.
process.env['NODE_COMPILE_CACHE'] ??= join(ROOT, 'node_modules', '.cache', 'compiled')

const skips: { name: string; file: string; reason: string }[] = []
const stream = run({ files, cwd: ROOT, concurrency: availableParallelism() })
stream.on('test:pass', ({ name, file, skip }) => {
  if (skip === undefined || skip === false) return
  skips.push({ name, file: file ?? '', reason: typeof skip === 'string' ? skip : 'no reason given' })
})
stream.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1
})
for await (const text of stream.compose(new spec())) process.stdout.write(text as string)
listSkips()

function testFiles(labs: boolean, patterns: readonly string[]): string[] {
  const isLab = (path: string): boolean => path.startsWith('test/labs/')
  const wanted = patterns.length > 0 ? [...patterns] : ['{src,test}/**/*.test.ts']
  return globSync(wanted, { cwd: ROOT })
    .filter((path) => patterns.length > 0 || isLab(path) === labs)
    .sort()
    .map((path) => resolve(ROOT, path))
}

function listSkips(): void {
  for (const { name, file, reason } of skips)
    console.log(`skipped: ${name} (${file.replace(`${ROOT}/`, '')}): ${reason}`)
  const missing = skips.filter(({ reason }) => reason.startsWith(REAL_PART_MISSING))
  if (process.env['CI'] !== 'true' || missing.length === 0) return
  console.log(`${missing.length} skipped because a real part is missing; under CI that fails`)
  process.exitCode = 1
}
