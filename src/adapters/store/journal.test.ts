import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isAppError } from '../../../test/contract/store-contract-fixture.ts'
import { systemTimers } from '../../system.ts'
import { openJournal, sharedJournal } from './journal.ts'

function journalFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'governance-journal-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'journal')
}

const record = (n: number) => ({ act: 'withdraw-success', number: n })
const records = (...numbers: number[]) => numbers.map(record)

async function written(file: string, ...numbers: number[]): Promise<void> {
  const journal = await openJournal(file)
  await Promise.all(numbers.map((n) => journal.append(record(n))))
}

test('T43 records survive reopening, in order, also when appended at once', async (t) => {
  const file = journalFile(t)
  await written(file, 1, 2, 3)
  await written(file, 4)
  assert.deepEqual(await (await openJournal(file)).read(), records(1, 2, 3, 4))
})

test('dropping forgets the first records durably and nothing else', async (t) => {
  const file = journalFile(t)
  await written(file, 1, 2, 3)
  const journal = await openJournal(file)
  await Promise.all([journal.drop(2), journal.append(record(4))])
  assert.deepEqual(await journal.read(), records(3, 4))
  assert.deepEqual(await (await openJournal(file)).read(), records(3, 4))
  await journal.drop(9)
  assert.deepEqual(await (await openJournal(file)).read(), [])
  assert.equal(existsSync(`${file}.new`), false)
})

test('T43 of records that several processes append at once none is forgotten', async (t) => {
  const file = journalFile(t)
  const script = `
    import { sharedJournal } from ${JSON.stringify(new URL('./journal.ts', import.meta.url).href)}
    const timers = { after: (ms, run) => { const timer = setTimeout(run, ms); return () => clearTimeout(timer) } }
    const journal = sharedJournal(process.argv[1], timers)
    for (let i = 0; i < 10; i++) await journal.append({ by: process.argv[2], i })`
  const writers = ['a', 'b', 'c'].map(
    (name) =>
      new Promise<void>((resolve, reject) => {
        execFile(process.execPath, ['--input-type=module', '-e', script, file, name], (error) =>
          error === null ? resolve() : reject(new Error(error.message)),
        )
      }),
  )
  const own = sharedJournal(file, systemTimers)
  await Promise.all([...writers, ...Array.from({ length: 10 }, (_, i) => own.append({ by: 'own', i }))])
  const records = await own.read()
  assert.equal(records.length, 40)
  for (const by of ['a', 'b', 'c', 'own'])
    assert.deepEqual(
      records
        .filter((one) => one.by === by)
        .map(({ i }) => i)
        .toSorted((x, y) => Number(x) - Number(y)),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  await own.drop(39)
  assert.deepEqual(await own.read(), records.slice(39))
})

test('T44 a torn last record is cut off at every length, and appending goes on', async (t) => {
  const file = journalFile(t)
  await written(file, 1, 2)
  const whole = readFileSync(file)
  const firstBytes = whole.length / 2
  for (let length = firstBytes + 1; length < whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length))
    assert.deepEqual(await (await openJournal(file)).read(), records(1), `${length} bytes`)
    assert.equal(statSync(file).size, firstBytes)
  }
  await written(file, 3)
  assert.deepEqual(await (await openJournal(file)).read(), records(1, 3))
})

test('T44 a tail of zeros or of garbage, as a power loss leaves it, is cut off', async (t) => {
  const file = journalFile(t)
  await written(file, 1)
  const whole = readFileSync(file)
  for (const tail of [
    Buffer.alloc(100),
    Buffer.alloc(100, 0xff),
    Buffer.concat([whole.subarray(0, -1), Buffer.from('x')]),
  ]) {
    writeFileSync(file, Buffer.concat([whole, tail]))
    assert.deepEqual(await (await openJournal(file)).read(), records(1))
  }
})

test('a byte changed before the last record is damage, not a torn tail', async (t) => {
  const file = journalFile(t)
  await written(file, 1, 2)
  const whole = readFileSync(file)
  for (let position = 0; position < whole.length / 2; position++) {
    const damaged = Buffer.from(whole)
    damaged[position] = (damaged[position] ?? 0) ^ 1
    writeFileSync(file, damaged)
    await assert.rejects(openJournal(file), isAppError('store-corrupt'), `byte ${position}`)
    assert.deepEqual(readFileSync(file), damaged)
  }
})

test('a crash before the rename of a drop leaves the old records', async (t) => {
  const file = journalFile(t)
  await written(file, 1, 2)
  writeFileSync(`${file}.new`, 'half a file', { mode: 0o600 })
  const journal = await openJournal(file)
  assert.deepEqual(await journal.read(), records(1, 2))
  await journal.drop(1)
  assert.deepEqual(await (await openJournal(file)).read(), records(2))
})

test('T56 the journal is 0600; a loose one and a symbolic link are refused', async (t) => {
  const file = journalFile(t)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const journal = await openJournal(file)
  await journal.append(record(1))
  await journal.drop(1)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  symlinkSync(file, `${file}-link`)
  await assert.rejects(openJournal(`${file}-link`), isAppError('store-unavailable'))
  chmodSync(file, 0o644)
  await assert.rejects(openJournal(file), isAppError('store-unavailable'))
})
