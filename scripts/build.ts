import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeVerifier } from './build-verifier.ts'

/**
 * Compiles src into dist, file by file, and copies what stands beside the code (SQL, HTML, data).
 *
 * Node refuses to strip types under node_modules, so an installed package runs dist; paths relative to a module are the
 * same in both trees.
 */
const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

rmSync(DIST, { recursive: true, force: true })
const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
const compiled = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })
if (compiled.status !== 0) process.exit(1)

const besideCode = globSync('**/*', { cwd: join(ROOT, 'src'), withFileTypes: true })
  .filter((entry) => entry.isFile() && !/\.ts$|^tsconfig\.json$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name).slice(join(ROOT, 'src').length + 1))
for (const path of besideCode) {
  mkdirSync(dirname(join(DIST, path)), { recursive: true })
  cpSync(join(ROOT, 'src', path), join(DIST, path))
}
await writeVerifier(join(DIST, 'verifier'))
if (!existsSync(join(DIST, 'main.js'))) throw new Error('dist/main.js is missing: src/main.ts was not compiled')
