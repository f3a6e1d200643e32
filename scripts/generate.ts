import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { GENERATORS } from './generators.ts'

const ROOT = join(import.meta.dirname, '..')

/** Writes every generated file, or with `--check` compares it byte by byte with what stands in the tree. */
const { values } = parseArgs({ options: { check: { type: 'boolean' }, write: { type: 'boolean' } } })
if (values.check === values.write) {
  console.error('usage: scripts/generate.ts --check | --write')
  process.exit(64)
}

const drifted: string[] = []
for (const { path, produce } of GENERATORS) {
  const wanted = await produce(ROOT)
  if (wanted === textOf(path)) continue
  drifted.push(path)
  if (values.write !== true) continue
  mkdirSync(dirname(join(ROOT, path)), { recursive: true })
  writeFileSync(join(ROOT, path), wanted)
}
for (const path of drifted)
  console.log(values.write === true ? `${path}: written` : `${path}: differs; npm run generate`)
console.log(`${GENERATORS.length} generated files, ${drifted.length} ${values.write === true ? 'written' : 'differ'}`)
// An empty list would call every tree clean.
const failed = GENERATORS.length === 0 || (values.check === true && drifted.length > 0)
process.exitCode = failed ? 1 : 0

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return undefined
  }
}
