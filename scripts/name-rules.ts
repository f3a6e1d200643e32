import { basename } from 'node:path'
import type { Finding } from './import-rules.ts'
import type { Module } from './module-graph.ts'

const BANNED = /^(utils?|helpers?|common|misc|types|interfaces?|managers?|services?|base|lib|index)$/
const MAX_LINES = 400

/** Names that say nothing, names that are not kebab-case, and files that are two rooms. */
export function nameFindings(modules: readonly Module[]): Finding[] {
  return modules.flatMap(({ file }) => {
    const messages: string[] = []
    const stem = basename(file.path).replace(/(\.test)?\.tsx?$/, '')
    const folders = file.path.split('/').slice(1, -1)
    const banned = [...folders, stem].find((name) => BANNED.test(name))
    if (banned !== undefined && file.path !== 'src/core/index.ts') messages.push(`"${banned}" names nothing`)
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) messages.push('file names are kebab-case')
    const lines = file.text.split('\n').length - 1
    if (lines > MAX_LINES) messages.push(`${lines} lines; past ${MAX_LINES} a file is two rooms`)
    return messages.map((message) => ({ path: file.path, line: 1, message }))
  })
}
