import { isTest } from './import-rules.ts'
import type { Finding } from './import-rules.ts'
import type { Module } from './module-graph.ts'

/** Every group of production modules that import each other in a circle, also by types alone; one finding per group. */
export function cycleFindings(modules: readonly Module[]): Finding[] {
  const edges = new Map<string, readonly string[]>()
  for (const { file, imports } of modules) {
    if (isTest(file.path)) continue
    edges.set(
      file.path,
      imports.flatMap(({ target }) => (target.kind === 'file' ? [target.path] : [])),
    )
  }
  const findings: Finding[] = []
  const settled = new Set<string>()
  const trail: string[] = []
  const visit = (path: string): void => {
    const seenAt = trail.indexOf(path)
    if (seenAt !== -1) {
      const circle = [...trail.slice(seenAt), path].join(' → ')
      findings.push({ path, line: 1, message: `import cycle: ${circle}` })
      return
    }
    if (settled.has(path)) return
    trail.push(path)
    for (const next of edges.get(path) ?? []) visit(next)
    trail.pop()
    settled.add(path)
  }
  for (const path of edges.keys()) visit(path)
  return findings
}
