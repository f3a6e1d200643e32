import { asInstant } from '../../src/core/index.ts'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { delivery, job, logEntry } from '../contract/store-rows.ts'
import { auditLog, openTree } from '../contract/tree.ts'

/**
 * A process that commits without end and says on its standard output what was acknowledged, one line per commit:
 * `d GUID` a delivery with its job, `l SIZE` log entries up to that size with a checkpoint. Its parent kills it.
 * `full` on a line of its own says that the store refused; the process then goes on trying.
 */
const [file, keyHex, run] = process.argv.slice(2)
if (file === undefined || keyHex === undefined || run === undefined) throw new Error('usage: store-load FILE KEY RUN')

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const store = await openSqliteStore({ file, key: Buffer.from(keyHex, 'hex'), create: true })
say('open')

async function deliver(lane: number): Promise<void> {
  for (let n = 0; ; n++) {
    const guid = `${run}-${lane}-${n}`
    const at = asInstant(n)
    try {
      const state = { kind: 'delivery-state', guid, state: 'done', reason: null, at } as const
      await store.store.commit([delivery(guid), job(`job-${guid}`, `lane-${lane}`, 1), ...(n % 3 === 0 ? [state] : [])])
      say(`d ${guid}`)
    } catch {
      say('full')
      await pause()
    }
  }
}

/** Appends until the store refuses. */
async function append(): Promise<void> {
  const { leaves } = await auditLog(store.log)
  const tree = openTree(leaves)
  for (let n = 0; ; n++) {
    const from = leaves.length
    const size = from + 1 + (n % 5)
    const entries = Array.from({ length: size - from }, (_, offset) => logEntry(from + offset))
    const outcome = await store.store.commit([
      tree.append(entries),
      { kind: 'checkpoint', size, note: `size ${size}` },
      { kind: 'cursor', name: 'appended', value: String(size) },
    ])
    if (!outcome.ok) throw new Error(outcome.conflict)
    say(`l ${size}`)
  }
}

/** Recovers through the normal path: reads the log anew and goes on from there. */
async function appendForEver(): Promise<void> {
  for (;;)
    try {
      await append()
    } catch {
      say('full')
      await pause()
    }
}

await Promise.all([appendForEver(), ...Array.from({ length: 8 }, (_, lane) => deliver(lane))])
