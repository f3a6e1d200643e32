import type { Import, ImportTarget, Module } from './module-graph.ts'

/** A place that breaks a rule of the house. */
export type Finding = { readonly path: string; readonly line: number; readonly message: string }

/**
 * The table "who may import whom" of docs/architecture.md: for each ring, what its production code may import. A file
 * that belongs to no ring is itself a finding, so a new folder is forbidden until it has a row here.
 */
type Ring = {
  readonly files: RegExp
  readonly mayImportFiles: readonly RegExp[]
  readonly mayImportNpm: RegExp | 'any' | 'none'
  readonly mayImportNode: boolean
}

const CORE_DOOR = /^src\/core\/index\.ts$/
/** What an adapter keeps and what it may throw: the contract, without the flows behind it. */
const PORTS = /^src\/flows\/(ports|app-error)\.ts$/
const API_CONTRACT = /^src\/delivery\/http\/contract(\.ts$|\/)/

const RINGS: readonly Ring[] = [
  { files: /^src\/core\//, mayImportFiles: [/^src\/core\//], mayImportNpm: /^@noble\//, mayImportNode: false },
  { files: /^src\/flows\//, mayImportFiles: [CORE_DOOR, /^src\/flows\//], mayImportNpm: 'none', mayImportNode: false },
  { files: /^src\/adapters\/[^/]+\//, mayImportFiles: [CORE_DOOR, PORTS], mayImportNpm: 'any', mayImportNode: true },
  {
    files: /^src\/delivery\/console\//,
    mayImportFiles: [CORE_DOOR, API_CONTRACT, /^src\/delivery\/console\//],
    mayImportNpm: 'any',
    mayImportNode: false,
  },
  {
    files: /^src\/delivery\/verify\//,
    mayImportFiles: [CORE_DOOR, API_CONTRACT, /^src\/delivery\/verify\//],
    mayImportNpm: 'none',
    mayImportNode: true,
  },
  {
    files: /^src\/delivery\/[^/]+\//,
    mayImportFiles: [CORE_DOOR, /^src\/flows\//, /^src\/delivery\//],
    mayImportNpm: 'any',
    mayImportNode: true,
  },
  {
    files: /^src\/config\//,
    mayImportFiles: [CORE_DOOR, /^src\/config\//],
    mayImportNpm: 'any',
    mayImportNode: true,
  },
  { files: /^src\/system\.ts$/, mayImportFiles: [CORE_DOOR, PORTS], mayImportNpm: 'none', mayImportNode: true },
  {
    files: /^src\/(compose(-[a-z-]+)?|main)\.ts$/,
    mayImportFiles: [/^src\//],
    mayImportNpm: 'any',
    mayImportNode: true,
  },
]

/** Tests stand beside the code and may import what they like; production code may not import them. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/** Applies the table to every production module. */
export function importFindings(modules: readonly Module[], runtime: ReadonlySet<string>): Finding[] {
  return modules.flatMap(({ file, imports }) => {
    if (isTest(file.path)) return []
    const ring = RINGS.find((candidate) => candidate.files.test(file.path))
    if (ring === undefined) return [{ path: file.path, line: 1, message: 'belongs to no ring of the import table' }]
    return imports.flatMap(({ line, target }: Import) => {
      const message = refusal(ring, file.path, target, runtime)
      return message === undefined ? [] : [{ path: file.path, line, message }]
    })
  })
}

function refusal(ring: Ring, from: string, target: ImportTarget, runtime: ReadonlySet<string>): string | undefined {
  switch (target.kind) {
    case 'unreadable':
      return target.reason
    case 'node':
      return ring.mayImportNode ? undefined : `may not import node:${target.name}`
    case 'npm': {
      const { mayImportNpm } = ring
      if (mayImportNpm === 'none' || (mayImportNpm !== 'any' && !mayImportNpm.test(target.name)))
        return `may not import the package ${target.name}`
      return runtime.has(target.name) ? undefined : `imports ${target.name}, which is no runtime dependency`
    }
    case 'file': {
      if (isTest(target.path)) return `production code may not import the test ${target.path}`
      const adapter = /^src\/adapters\/[^/]+\//.exec(from)?.[0]
      const own = adapter !== undefined && target.path.startsWith(adapter)
      return own || ring.mayImportFiles.some((allowed) => allowed.test(target.path))
        ? undefined
        : `may not import ${target.path}`
    }
  }
}
