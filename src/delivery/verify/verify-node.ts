import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { judge, verdictWords } from './judge.ts'

const usage = `usage: node verify.mjs EVIDENCE [--trust TRUST] [--json]

Recomputes a verdict of governance from its evidence. Needs no network and no package.
Ends with 0 only for evidence that agrees under the trust that you hand in; 1 otherwise, 64 for a wrong command line.
`

function read(path: string): Uint8Array | null {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    process.stderr.write(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}\n`)
    return null
  }
}

function run(argv: readonly string[]): number {
  let parsed
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { trust: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    })
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`)
    return 64
  }
  const { values, positionals } = parsed
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) {
    process.stderr.write(usage)
    return 64
  }
  const evidence = read(file)
  const trust = values.trust === undefined ? null : read(values.trust)
  if (evidence === null || (values.trust !== undefined && trust === null)) return 1
  const acceleration = {
    sha256: (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()),
  }
  const judgement = judge(evidence, trust, acceleration)
  if (values.json) process.stdout.write(`${JSON.stringify(judgement)}\n`)
  else {
    for (const { check, outcome, code, detail } of judgement.checks)
      process.stdout.write(
        `${outcome.padEnd(8)} ${check.padEnd(14)} ${code ?? ''}${detail === undefined ? '' : ` ${detail}`}`.trimEnd() +
          '\n',
      )
    if (judgement.fingerprint !== null) process.stdout.write(`\ntrust file ${judgement.fingerprint}\n`)
    process.stdout.write(`\n${judgement.verdict}: ${verdictWords[judgement.verdict]}\n`)
  }
  return judgement.verdict === 'verified' || judgement.verdict === 'consistent' ? 0 : 1
}

process.exitCode = run(process.argv.slice(2))
