/** `npm run bench`: measures the promises of the product in ratios within one run. `run.ts [name…] [--quick] [--json]` */
import { parseArgs } from 'node:util'
import { benchAppend } from './append.ts'
import { benchAuditSearch } from './audit-search.ts'
import { benchGate } from './gate.ts'
import { benchIntake } from './intake.ts'
import { benchDatabase } from './database.ts'
import { benchEvaluate } from './evaluate.ts'
import { benchLogAudit } from './log-audit.ts'
import { benchMemory } from './memory.ts'
import { type Bench, type Outcome, tableOf } from './outcome.ts'
import { benchPublish } from './publish.ts'
import { benchVerify } from './verify.ts'

const benches: Readonly<Record<string, Bench>> = {
  intake: benchIntake,
  evaluate: benchEvaluate,
  gate: benchGate,
  memory: benchMemory,
  'log-audit': benchLogAudit,
  verify: benchVerify,
  publish: benchPublish,
  append: benchAppend,
  database: benchDatabase,
  'audit-search': benchAuditSearch,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
})
const names = positionals.length > 0 ? positionals : Object.keys(benches)
const unknown = names.filter((name) => !Object.hasOwn(benches, name))
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`)
  process.exit(64)
}

const startedAt = performance.now()
const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`
const progress = (text: string): void => console.error(`${seconds()}  ${text}`)

const outcomes: Outcome[] = []
for (const name of names) {
  progress(`${name} …`)
  outcomes.push(...((await benches[name]?.({ isQuick: values.quick === true, progress })) ?? []))
}
console.log(values.json === true ? JSON.stringify(outcomes, null, 2) : `\n${tableOf(outcomes)}`)
