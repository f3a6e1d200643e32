import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { auditLog } from '../contract/tree.ts'

const load = join(import.meta.dirname, 'store-load.ts')

test('T44 a disk that takes no more: commits fail, what was acknowledged stays, and a later start goes on', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'governance-full-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'store.db')
  const key = randomBytes(32)
  // The kernel refuses every write past 3,000 blocks of a file, as a full disk does. Node ignores SIGXFSZ.
  const script = 'ulimit -f 3000; exec "$0" "$@"'
  const args = ['-c', script, process.execPath, load, file, key.toString('hex'), '0']
  const child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  child.stderr.resume()
  const acknowledged: string[] = []
  let refusals = 0
  let logSize = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, what = ''] = line.split(' ')
    if (kind === 'd') acknowledged.push(what)
    if (kind === 'l') logSize = Number(what)
    if (kind === 'full') refusals += 1
    if (refusals === 20) child.kill('SIGKILL')
  }
  await exited
  assert.ok(acknowledged.length > 20, `${acknowledged.length} commits before the disk was full`)
  assert.ok(refusals >= 20, 'the disk was not full, or the process did not outlive it')
  assert.equal(child.signalCode, 'SIGKILL')

  const store = await openSqliteStore({ file, key, create: false })
  for (const guid of acknowledged) assert.notEqual(await store.jobs.find(`job-${guid}`), null, guid)
  const audit = await auditLog(store.log)
  assert.deepEqual(audit.faults, [])
  assert.ok(audit.size >= logSize)
  assert.deepEqual(await store.checkIntegrity(), [])
  await store.store.probe()
  await store.store.close()
})
