import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ambientFindings } from './ambient-rules.ts'
import { cycleFindings } from './import-cycles.ts'
import { importFindings } from './import-rules.ts'
import type { Finding } from './import-rules.ts'
import { readModules } from './module-graph.ts'
import { nameFindings } from './name-rules.ts'

const ROOT = join(import.meta.dirname, '..')

/** Judges every module under src by the import table, for cycles, for ambient authority and by name. */
function boundaries(root: string): { modules: number; imports: number; findings: Finding[] } {
  const modules = readModules(root, 'src')
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >
  const runtime = new Set(Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] }))
  return {
    modules: modules.length,
    imports: modules.reduce((sum, module) => sum + module.imports.length, 0),
    findings: [
      ...importFindings(modules, runtime),
      ...cycleFindings(modules),
      ...ambientFindings(modules),
      ...nameFindings(modules),
    ],
  }
}

const { modules, imports, findings } = boundaries(ROOT)
for (const { path, line, message } of findings) console.log(`${path}:${line}: ${message}`)
console.log(`${modules} modules, ${imports} imports, ${findings.length} findings`)
// A checker that sees nothing would call everything clean.
if (modules === 0) console.log('src: 0 modules read; this checks nothing')
process.exitCode = findings.length > 0 || modules === 0 ? 1 : 0
