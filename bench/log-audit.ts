/** A full audit by `verify log` beside Go's x/mod over the same files, and inclusion proofs beside the reads that they need. */
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { directorySource } from '../src/adapters/log-source/directory-source.ts'
import { planInclusion, tileOfNode, tilePath, treeHasher } from '../src/core/index.ts'
import { platformAcceleration } from '../src/delivery/cli/platform-acceleration.ts'
import { proveInclusion } from '../src/flows/record/prove-from-files.ts'
import { buildGo } from '../test/foreign/go/build.ts'
import { buildProduct } from './child.ts'
import { writeBenchLog } from './log-files.ts'
import { type BenchOptions, median, type Outcome, whole } from './outcome.ts'

/** How long the log is; another length may be asked for where the machine or the time is small. */
const fullSize = Number(process.env['BENCH_LOG_ENTRIES'] ?? 1_000_000)
const quickSize = 20_000
const auditBar = 0.5
const proofBar = 2

function seconds(program: string, args: readonly string[]): number {
  const started = performance.now()
  const { status, stderr } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return (performance.now() - started) / 1000
}

async function millisecondsOf(count: number, run: (i: number) => Promise<unknown>): Promise<number> {
  const started = performance.now()
  for (let i = 0; i < count; i++) await run(i)
  return (performance.now() - started) / count
}

/** Random entries of which most share no tile but the highest. */
const indexesOf = (count: number, size: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => Number.parseInt(hash('sha256', `index ${i}`).slice(0, 12), 16) % size)

async function proofs(directory: string, size: number, isQuick: boolean): Promise<Outcome> {
  const source = directorySource(directory)
  const hasher = treeHasher(platformAcceleration)
  const indexes = indexesOf(isQuick ? 200 : 2_000, size)
  const at = (i: number): number => indexes[i % indexes.length] as number
  const readTiles = async (i: number): Promise<unknown> => {
    const nodes = planInclusion(at(i), size).flat()
    const paths = new Set(nodes.map(({ level, index }) => tilePath(tileOfNode(level, index, size))))
    return Promise.all([...paths].map(async (path) => source.read(path)))
  }
  const prove = async (i: number): Promise<unknown> => proveInclusion(source, at(i), size, hasher)
  const rounds: { reads: number; proofs: number }[] = []
  for (let round = 0; round < 5; round++) {
    const reads = await millisecondsOf(indexes.length, readTiles)
    rounds.push({ reads, proofs: await millisecondsOf(indexes.length, prove) })
  }
  const ratio = median(rounds.map((round) => round.proofs / round.reads))
  return {
    name: `inclusion proof from disk, ${whole(size)} entries`,
    ours: `${median(rounds.map((round) => round.proofs)).toFixed(3)} ms`,
    against: `${median(rounds.map(({ reads }) => reads)).toFixed(3)} ms to read its tiles`,
    ratio: ratio.toFixed(2),
    bar: `≤ ${proofBar}`,
    isMet: ratio <= proofBar,
  }
}

export async function benchLogAudit({ isQuick, progress }: BenchOptions): Promise<readonly Outcome[]> {
  const size = isQuick ? quickSize : fullSize
  const folder = mkdtempSync(join(tmpdir(), 'bench-log-'))
  try {
    const directory = join(folder, 'log')
    const key = writeBenchLog(directory, size, (done) =>
      progress(`log-audit: ${whole(done)} of ${whole(size)} entries written`),
    )
    const go = buildGo('auditor', folder)
    buildProduct()
    const main = join(import.meta.dirname, '..', 'dist', 'main.js')
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round < (isQuick ? 3 : 5); round++) {
      ours.push(seconds(process.execPath, [main, 'verify', 'log', directory, '--key', key]))
      if ('program' in go) theirs.push(seconds(go.program, [directory, key]))
      progress(`log-audit: ours ${ours.at(-1)?.toFixed(1)} s, Go ${theirs.at(-1)?.toFixed(1) ?? '-'} s`)
    }
    const ratio = 'program' in go ? median(theirs.map((time, i) => time / (ours[i] as number))) : null
    return [
      {
        name: `full audit, ${whole(size)} entries`,
        ours: `${whole(size / median(ours))} entries/s`,
        against: 'program' in go ? `Go x/mod ${whole(size / median(theirs))}/s` : go.missing,
        ratio: ratio?.toFixed(2) ?? null,
        bar: `≥ ${auditBar}`,
        isMet: ratio === null ? null : ratio >= auditBar,
      },
      await proofs(directory, size, isQuick),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
