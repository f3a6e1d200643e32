/** Entries through the recorder and the store beside the same rows committed by the same SQLite alone, and the memory of a million. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../src/adapters/store/sqlite.ts'
import { openWriter } from '../src/adapters/store/sqlite-writer.ts'
import type { Store, Write } from '../src/flows/ports.ts'
import { startProcess } from './child.ts'
import { launchFlags } from '../test/fakes/launch-flags.ts'
import { type Bench, median, type Outcome, whole } from './outcome.ts'
import { benchRecorder, type Group, groupFrom, recordGroup, verdictGroup } from './log-writing.ts'

const rateBar = 0.6
const memoryBarBytes = 250 * 2 ** 20
/** What is one commit: a decision with its rows as the gate records it, several entries at once, an import. */
const kindsOfGroup = [
  { name: 'a verdict with its rows to a commit', entries: 1, make: verdictGroup },
  { name: '32 to a commit', entries: 32, make: (i: number) => groupFrom(i * 32, 32) },
  { name: '1,000 to a commit', entries: 1_000, make: (i: number) => groupFrom(i * 1_000, 1_000) },
] as const
/** What is recorded before anything is measured: code is compiled and caches are filled by then, as in a server that runs. */
const warm = { groups: 2_000, entries: 60_000 } as const

interface Contest {
  readonly name: string
  readonly entries: number
  readonly make: (number: number) => Group
  /** Groups of one turn. */
  readonly groups: number
  readonly turns: number
}

/** By turns: the groups of one turn by the recorder, then their rows, as the store was given them, by the bare writer. */
async function contest(folder: string, { name: what, entries: group, make, groups, turns }: Contest): Promise<Outcome> {
  const open = (name: string, key: Uint8Array, create: boolean) =>
    openSqliteStore({ file: join(folder, `${name}-${group}.db`), key, create })
  const bareKey = randomBytes(32)
  await (await open('bare', bareKey, true)).store.close()
  const ports = await open('ours', randomBytes(32), true)
  const bare = openWriter(join(folder, `bare-${group}.db`), bareKey)
  try {
    let seen: (readonly Write[])[] = []
    const commit: Store['commit'] = (writes) => {
      seen.push(writes)
      return ports.store.commit(writes)
    }
    const recorder = benchRecorder({ ...ports, store: { ...ports.store, commit } })
    const ours: number[] = []
    const theirs: number[] = []
    const warmTurns = Math.ceil(Math.min(warm.groups, warm.entries / group) / groups)
    for (let turn = 0; turn < warmTurns + turns; turn++) {
      seen = []
      const drafts = Array.from({ length: groups }, (_, i) => make(turn * groups + i))
      const startedAt = performance.now()
      for (const one of drafts) await recordGroup(recorder, one)
      const between = performance.now()
      for (const writes of seen) {
        const [reply] = bare.run([{ kind: 'commit', writes }])
        if (reply?.kind !== 'done') throw new Error('the bare database refused')
      }
      const endedAt = performance.now()
      if (turn < warmTurns) continue
      ours.push((groups * group * 1_000) / (between - startedAt))
      theirs.push((groups * group * 1_000) / (endedAt - between))
    }
    const ratio = median(ours.map((rate, i) => rate / (theirs[i] as number)))
    return {
      name: `append, ${what}`,
      ours: `${whole(median(ours))} entries/s`,
      against: `SQLite alone ${whole(median(theirs))}/s`,
      ratio: `${(100 * ratio).toFixed(0)} %`,
      bar: `≥ ${100 * rateBar} %`,
      isMet: ratio >= rateBar,
    }
  } finally {
    bare.close()
    await ports.store.close()
  }
}

/** A process that builds a log and does nothing else. */
async function memoryOf(folder: string, entries: number, progress: (text: string) => void): Promise<Outcome> {
  const writer = startProcess('processes/log-writer.ts', [join(folder, 'long.db'), String(entries)], {
    execArgv: launchFlags,
  })
  try {
    const { rssBytes } = await writer.next('built')
    progress(`append: ${whole(entries)} entries, ${(rssBytes / 2 ** 20).toFixed(0)} MB at most`)
    return {
      name: `memory, largest while ${whole(entries)} entries are built`,
      ours: `${(rssBytes / 2 ** 20).toFixed(0)} MB`,
      against: `${memoryBarBytes / 2 ** 20} MB`,
      ratio: (rssBytes / memoryBarBytes).toFixed(2),
      bar: `≤ ${memoryBarBytes / 2 ** 20} MB`,
      isMet: rssBytes <= memoryBarBytes,
    }
  } finally {
    await writer.stop()
  }
}

export const benchAppend: Bench = async ({ isQuick, progress }) => {
  const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
  try {
    const outcomes: Outcome[] = []
    for (const kind of kindsOfGroup) {
      const groups = Math.max(2, Math.ceil((isQuick ? 200 : 4_000) / Math.max(kind.entries, 10)))
      outcomes.push(await contest(folder, { ...kind, groups, turns: isQuick ? 3 : 15 }))
      progress(`append, ${kind.name}: ${outcomes.at(-1)?.ratio} of SQLite alone`)
    }
    outcomes.push(await memoryOf(folder, isQuick ? 20_000 : 1_000_000, progress))
    return outcomes
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
