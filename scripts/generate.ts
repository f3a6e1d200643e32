import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { GENERATORS } from './generators.ts'

/**
 * Writes every generated file, or with `--check` compares it byte by byte with what stands in the tree.
 *
 * A file in a generated folder that no generator makes is drift too: nobody would notice when it grows old.
 */
const ROOT = join(import.meta.dirname, '..')
const GENERATED_FOLDERS = ['docs/reference', 'spec/schema']

const { values } = parseArgs({ options: { check: { type: 'boolean' }, write: { type: 'boolean' } } })
if (values.check === values.write) {
  console.error('usage: scripts/generate.ts --check | --write')
  process.exit(64)
}

const drifted: string[] = []
for (const { path, produce } of GENERATORS) {
  const wanted = await produce(ROOT)
  if (existsSync(join(ROOT, path)) && readFileSync(join(ROOT, path), 'utf8') === wanted) continue
  drifted.push(path)
  if (values.write !== true) continue
  mkdirSync(dirname(join(ROOT, path)), { recursive: true })
  writeFileSync(join(ROOT, path), wanted)
}
for (const path of drifted)
  console.log(values.write === true ? `${path}: written` : `${path}: differs; npm run generate`)

const known = new Set(GENERATORS.map(({ path }) => path))
const orphans = GENERATED_FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .map((name) => `${folder}/${name}`)
    .filter((path) => !known.has(path)),
)
for (const path of orphans) console.log(`${path}: no generator makes it`)

console.log(`${GENERATORS.length} generated files, ${drifted.length} ${values.write === true ? 'written' : 'differ'}`)
// An empty list would call every tree clean.
const failed = GENERATORS.length === 0 || orphans.length > 0 || (values.check === true && drifted.length > 0)
process.exitCode = failed ? 1 : 0
