/** Builds a log of so many entries in a new database, and says how much memory that took at most. */
import { randomBytes } from 'node:crypto'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { benchRecorder, groupFrom, recordGroup } from '../log-writing.ts'
import { say } from './protocol.ts'

const [file = '', entries = '0'] = process.argv.slice(2)
const perCommit = 250

try {
  const ports = await openSqliteStore({ file, key: randomBytes(32), create: true })
  const recorder = benchRecorder(ports)
  for (let done = 0; done < Number(entries); done += perCommit)
    await recordGroup(recorder, groupFrom(done, Math.min(perCommit, Number(entries) - done)))
  await ports.store.close()
  // The kernel's own high-water mark, in KiB: no moment between two looks is missed.
  say({ kind: 'built', rssBytes: process.resourceUsage().maxRSS * 1024 })
} catch (error) {
  say({ kind: 'failed', message: String(error) })
}
