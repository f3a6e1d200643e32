/** A search over a large security log, beside the same indexed query on a bare, unencrypted SQLite. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openSqliteStore } from '../src/adapters/store/sqlite.ts'
import { asInstant } from '../src/core/index.ts'
import type { EventFilter, SecurityLog } from '../src/flows/ports.ts'
import { begin, securityLogStand } from '../test/fixtures/security-log.ts'
import { type Bench, median, type Outcome, whole } from './outcome.ts'

const limit = 50
const rounds = 200
/** What decryption, checks and the port may cost besides twice the query: nobody notices a millisecond. */
const besidesMs = 1

/** The rows of the log in a database that nothing but SQLite reads. */
async function bareCopy(file: string, log: SecurityLog, size: number): Promise<Database.Database> {
  const db = new Database(file)
  db.exec(`create table events (idx integer primary key, type text, subject text, at integer, user_id text, result text, bytes blob);
    create index by_type on events (type, idx); create index by_subject on events (subject, idx);
    create index by_user on events (user_id, idx); create index by_result on events (result, idx);
    create index by_time on events (at, idx)`)
  const insert = db.prepare('insert into events values (?, ?, ?, ?, ?, ?, ?)')
  for (let from = 0; from < size; from += 1_000) {
    const rows = await log.entries(from, Math.min(from + 1_000, size))
    db.transaction(() => {
      for (const { index, type, subject, at, event, bytes } of rows)
        insert.run(index, type, subject, at, event?.userId, event?.result, bytes)
    })()
  }
  return db
}

interface Question {
  readonly name: string
  readonly filter: Omit<EventFilter, 'limit'>
  /** The same in SQL; every value is bound. */
  readonly where: string
  readonly values: readonly (string | number)[]
}

function questionsOf(size: number): readonly Question[] {
  const from = begin + Math.floor(size / 1_000) * 1_000
  return [
    {
      name: 'type',
      filter: { eventType: 'webhook-refused' },
      where: 'type = ?',
      values: ['webhook-refused'],
    },
    {
      name: 'actor and result',
      filter: { userId: 'account:1001', result: 'denied' },
      where: 'user_id = ? and result = ?',
      values: ['account:1001', 'denied'],
    },
    {
      name: 'resource in a span of time',
      filter: { resource: 'change:101/7', from: asInstant(from), to: asInstant(from + 60_000) },
      where: 'subject = ? and at >= ? and at < ?',
      values: ['change:101/7', from, from + 60_000],
    },
    {
      name: 'nothing that there is',
      filter: { userId: 'account:1001', eventType: 'server-started', resource: 'change:101/7' },
      where: 'user_id = ? and type = ? and subject = ?',
      values: ['account:1001', 'server-started', 'change:101/7'],
    },
  ]
}

async function compare(log: SecurityLog, bare: Database.Database, question: Question, size: number): Promise<Outcome> {
  const statement = bare.prepare(
    `select idx, bytes from events where ${question.where} order by idx desc limit ${limit}`,
  )
  const ours: number[] = []
  const theirs: number[] = []
  for (let i = 0; i < rounds; i++) {
    const startedAt = performance.now()
    const found = await log.search({ ...question.filter, limit })
    const between = performance.now()
    const rows = statement.all(...question.values) as { readonly idx: number }[]
    const endedAt = performance.now()
    if (JSON.stringify(found.map(({ index }) => index)) !== JSON.stringify(rows.map(({ idx }) => idx)))
      throw new Error(`the two searches by ${question.name} differ`)
    if (i < rounds / 10) continue
    ours.push(between - startedAt)
    theirs.push(endedAt - between)
  }
  const ratio = median(ours) / median(theirs)
  return {
    name: `search by ${question.name}, ${whole(size)} events`,
    ours: `${median(ours).toFixed(2)} ms`,
    against: `bare SQLite ${median(theirs).toFixed(2)} ms`,
    ratio: `${ratio.toFixed(2)} ×`,
    bar: `≤ 2 × + ${besidesMs} ms`,
    isMet: median(ours) <= 2 * median(theirs) + besidesMs,
  }
}

/** Builds the log through its own commits, then asks it and the bare copy by turns. */
export const benchAuditSearch: Bench = async ({ isQuick, progress }) => {
  const size = isQuick ? 20_000 : 1_000_000
  const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
  const store = await openSqliteStore({ file: join(folder, 'governance.db'), key: randomBytes(32), create: true })
  try {
    const stand = securityLogStand(store)
    const step = size / 10
    for (let done = 0; done < size; done += step) {
      await stand.fill(step)
      progress(`audit-search: ${whole(done + step)} events`)
    }
    const bare = await bareCopy(join(folder, 'bare.db'), store.security, size)
    try {
      const outcomes: Outcome[] = []
      for (const question of questionsOf(size)) outcomes.push(await compare(store.security, bare, question, size))
      return outcomes
    } finally {
      bare.close()
    }
  } finally {
    await store.store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
