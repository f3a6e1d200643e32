import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { logFilesContract } from '../../../test/contract/log-files-contract.ts'
import { isAppError } from '../../../test/contract/store-contract-fixture.ts'
import { encodeUtf8 } from '../../core/index.ts'
import { openLogDirectory } from './directory.ts'

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'governance-log-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

logFilesContract({
  name: 'directory',
  place: async (t) => {
    const directory = join(folder(t), 'log/decisions')
    return {
      open: () => openLogDirectory({ directory, create: true }),
      async plant(path, bytes) {
        mkdirSync(dirname(join(directory, path)), { recursive: true })
        writeFileSync(join(directory, path), bytes)
      },
      lose: async (path) => rmSync(join(directory, path), { force: true }),
    }
  },
})

const mode = (path: string): number => statSync(path).mode & 0o777

test('files are 0644 and directories 0755 under any umask, so that a web server reads them', async (t) => {
  const directory = join(folder(t), 'log/decisions')
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  const files = await openLogDirectory({ directory, create: true })
  await files.write('tile/entries/x001/234.p/7', encodeUtf8('entries'))
  await files.replaceCheckpoint(encodeUtf8('head'))
  for (const path of ['..', '.', 'tile', 'tile/entries', 'tile/entries/x001', 'tile/entries/x001/234.p'])
    assert.equal(mode(join(directory, path)), 0o755, path)
  for (const path of ['tile/entries/x001/234.p/7', 'checkpoint']) assert.equal(mode(join(directory, path)), 0o644, path)
})

test('nothing waits after a write, and what a killed process left is removed', async (t) => {
  const directory = folder(t)
  const waiting = join(directory, '.new')
  const files = await openLogDirectory({ directory, create: true })
  for (const words of ['one', 'two']) await files.replaceCheckpoint(encodeUtf8(words))
  await files.write('tile/0/000', encodeUtf8('hashes'))
  await assert.rejects(files.write('tile/0/000', encodeUtf8('others')), isAppError('log-file-differs'))
  assert.deepEqual(readdirSync(waiting), [])
  // No process has the largest number; process 1 always lives.
  for (const left of ['4194999-ab', 'strange', '1-ab']) writeFileSync(join(waiting, left), 'torn')
  await openLogDirectory({ directory, create: true })
  assert.deepEqual(readdirSync(waiting), ['1-ab'])
})

test('T60 a symbolic link on the way or in place of a file is refused', async (t) => {
  const [directory, elsewhere] = [folder(t), folder(t)]
  writeFileSync(join(elsewhere, '000'), 'secret')
  mkdirSync(join(directory, 'tile/0'), { recursive: true })
  symlinkSync(join(elsewhere, '000'), join(directory, 'tile/0/000'))
  symlinkSync(elsewhere, join(directory, 'tile/1'))
  symlinkSync(join(elsewhere, 'none'), join(directory, 'tile/0/001'))
  symlinkSync(elsewhere, join(directory, 'blob'))
  const files = await openLogDirectory({ directory, create: true })
  for (const path of ['tile/0/000', 'tile/1/000', 'tile/0/001', `blob/${'a'.repeat(64)}`]) {
    await assert.rejects(files.read(path), isAppError('log-files-unavailable'), path)
    await assert.rejects(files.write(path, encodeUtf8('x')), isAppError('log-files-unavailable'), path)
  }
  await assert.rejects(files.remove(`blob/${'a'.repeat(64)}`), isAppError('log-files-unavailable'))
  assert.deepEqual(readdirSync(elsewhere), ['000'])
})

test('a place that is not there is refused unless it is to be made, and what is no file is no file', async (t) => {
  const directory = join(folder(t), 'mount')
  await assert.rejects(openLogDirectory({ directory, create: false }), isAppError('log-files-unavailable'))
  assert.equal(existsSync(directory), false)
  const files = await openLogDirectory({ directory, create: true })
  mkdirSync(join(directory, 'checkpoint'))
  await assert.rejects(files.read('checkpoint'), isAppError('log-files-unavailable'))
  rmSync(directory, { recursive: true })
  // An unmounted place is unavailable, not empty.
  await assert.rejects(files.read('checkpoint'), isAppError('log-files-unavailable'))
  await assert.rejects(files.write('tile/0/000', encodeUtf8('x')), isAppError('log-files-unavailable'))
})
