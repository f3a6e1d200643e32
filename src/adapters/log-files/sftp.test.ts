import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { logFilesContract } from '../../../test/contract/log-files-contract.ts'
import { lacksSshd, type Sshd, startSshd } from '../../../test/contract/sshd.ts'
import { AppError } from '../../flows/app-error.ts'
import { systemTimers } from '../../system.ts'
import { openSftpFiles, type SftpFiles } from './sftp.ts'
import type { SftpPlace } from './sftp-connection.ts'
import { makeSshKey, readSshKey } from './ssh-key.ts'

logFilesContract({
  name: 'sftp',
  ...(lacksSshd === null ? {} : { skip: lacksSshd }),
  place: async (t) => {
    const sshd = await startSshd(t)
    const { directory } = sshd
    return {
      open: async () => open(t, sshd),
      async plant(path, bytes) {
        mkdirSync(dirname(join(directory, path)), { recursive: true })
        writeFileSync(join(directory, path), bytes)
      },
      lose: async (path) => rmSync(join(directory, path), { force: true }),
    }
  },
})

const bundle = 'tile/entries/000.p/1'
const bytes = Buffer.from('an entry')

function open(t: TestContext, sshd: Sshd, changes: Partial<SftpPlace> = {}): SftpFiles {
  const files = openSftpFiles({ ...sshd.place, ...changes }, systemTimers)
  t.after(() => files.close())
  return files
}

const refuses = (reason: string) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error))
  assert.equal(error.code, 'log-files-unavailable')
  assert.equal(error.data.reason, reason, error.message)
  return true
}

function onSshd(name: string, run: (t: TestContext, sshd: Sshd) => Promise<void>): void {
  test(name, async (t) => {
    if (lacksSshd !== null && process.env.CI === undefined) return t.skip(lacksSshd)
    await run(t, await startSshd(t))
  })
}

onSshd('a file written over SFTP is there, whole, closed to writing, and nothing else is', async (t, sshd) => {
  const files = open(t, sshd)
  assert.equal(await files.read(bundle), null)
  await files.write(bundle, bytes)
  assert.deepEqual(Buffer.from((await files.read(bundle)) ?? []), bytes)
  const folder = join(sshd.directory, 'tile/entries/000.p')
  assert.deepEqual(readdirSync(folder), ['1'])
  assert.equal(statSync(join(folder, '1')).mode & 0o777, 0o444)
  const large = Buffer.alloc(1_234_567, 7)
  await files.write('tile/entries/000', large)
  assert.deepEqual(readFileSync(join(sshd.directory, 'tile/entries/000')), large)
  assert.deepEqual(Buffer.from((await files.read('tile/entries/000')) ?? []), large)
})

onSshd('a file that is there with other bytes is never replaced, not even by two writers at once', async (t, sshd) => {
  const files = open(t, sshd)
  await files.write(bundle, bytes)
  await files.write(bundle, bytes)
  await assert.rejects(files.write(bundle, Buffer.from('other')), { code: 'log-file-differs' })
  assert.deepEqual(readFileSync(join(sshd.directory, bundle)), bytes)

  const texts = ['one', 'two', 'three', 'four']
  const others = texts.map(() => open(t, sshd))
  const done = await Promise.allSettled(
    others.map((other, i) => other.write('tile/0/000.p/2', Buffer.from(texts[i] ?? ''))),
  )
  const winners = texts.filter((_, i) => done[i]?.status === 'fulfilled')
  assert.deepEqual(winners, [readFileSync(join(sshd.directory, 'tile/0/000.p/2'), 'utf8')])
  assert.deepEqual(readdirSync(join(sshd.directory, 'tile/0/000.p')), ['2'])
  for (const one of done) if (one.status === 'rejected') assert.equal((one.reason as AppError).code, 'log-file-differs')
})

onSshd('the checkpoint is replaced, a blob is removed, twice without an error', async (t, sshd) => {
  const files = open(t, sshd)
  await files.replaceCheckpoint(Buffer.from('first'))
  await files.replaceCheckpoint(Buffer.from('second'))
  assert.equal(readFileSync(join(sshd.directory, 'checkpoint'), 'utf8'), 'second')
  const blob = `blob/${'a'.repeat(64)}`
  await files.write(blob, bytes)
  await files.remove(blob)
  await files.remove(blob)
  assert.equal(await files.read(blob), null)
  assert.deepEqual(readdirSync(sshd.directory).sort(), ['blob', 'checkpoint'])
})

onSshd('another host key than the pinned one is refused before anything is sent', async (t, sshd) => {
  const files = open(t, sshd, { hostKey: `SHA256:${'A'.repeat(43)}` })
  await assert.rejects(files.write(bundle, bytes), refuses('host-key'))
  assert.deepEqual(readdirSync(sshd.directory), [])
})

onSshd('a key that the server does not know, and no key at all', async (t, sshd) => {
  const stranger = open(t, sshd, { privateKey: async () => sshd.strangersKey })
  await assert.rejects(stranger.read('checkpoint'), refuses('user-key'))
  const none = open(t, sshd, { privateKey: async () => Buffer.from('no key') })
  await assert.rejects(none.read('checkpoint'), { code: 'custody-refused' })
})

onSshd('a place that is read-only, full or not mounted says so and keeps what it has', async (t, sshd) => {
  await open(t, sshd).write(bundle, bytes)
  await sshd.kill()
  await sshd.start({ sftp: 'internal-sftp -R' })
  await assert.rejects(open(t, sshd).write('tile/0/000.p/1', bytes), refuses('denied'))
  await sshd.kill()
  await sshd.start({ limitBlocks: 128 })
  const full = open(t, sshd)
  await assert.rejects(full.write('tile/entries/000', Buffer.alloc(1_000_000)), { code: 'log-files-unavailable' })
  assert.deepEqual(
    readdirSync(join(sshd.directory, 'tile/entries')).filter((name) => !name.startsWith('.')),
    ['000.p'],
  )
  assert.equal(await full.read('tile/entries/000'), null)
  await sshd.kill()
  await sshd.start()
  renameSync(sshd.directory, `${sshd.directory}-away`)
  const unmounted = open(t, sshd)
  await assert.rejects(unmounted.write(bundle, bytes), refuses('no-directory'))
  await assert.rejects(unmounted.read('checkpoint'), refuses('no-directory'))
  renameSync(`${sshd.directory}-away`, sshd.directory)
  await unmounted.write(bundle, bytes)
})

onSshd(
  'a server that dies half-way through leaves no half file, and the same call succeeds when it is back',
  async (t, sshd) => {
    const files = open(t, sshd)
    await files.write(bundle, bytes)
    const large = Buffer.alloc(20_000_000, 9)
    const half = files.write('tile/entries/000', large)
    const outcome = half.then(
      () => 'stored',
      (error: unknown) => error,
    )
    const folder = join(sshd.directory, 'tile/entries')
    const isHalf = (): boolean =>
      readdirSync(folder).some((name) => name.startsWith('.new-') && statSync(join(folder, name)).size > 0)
    while (!isHalf()) await new Promise((resolve) => setImmediate(resolve))
    await sshd.kill()
    refuses('unreachable')(await outcome)
    assert.equal(existsSync(join(folder, '000')), false)
    await assert.rejects(files.read(bundle), refuses('unreachable'))
    await sshd.start()
    await files.write('tile/entries/000', large)
    assert.deepEqual(readFileSync(join(folder, '000')), large)
  },
)

onSshd('a connection that died while nobody used it is made anew without a word', async (t, sshd) => {
  const files = open(t, sshd)
  await files.write(bundle, bytes)
  await sshd.kill()
  await sshd.start()
  assert.deepEqual(Buffer.from((await files.read(bundle)) ?? []), bytes)
})

onSshd('a server that takes the connection and says nothing is given up on', async (t, sshd) => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const address = silent.address()
  assert.ok(address !== null && typeof address === 'object')
  await assert.rejects(open(t, sshd, { port: address.port, timeoutMs: 300 }).read('checkpoint'), refuses('ssh'))
})

test('private keys as ssh-keygen writes them are read; one with a passphrase is not', (t) => {
  if (lacksSshd !== null && process.env.CI === undefined) return t.skip(lacksSshd)
  const folder = mkdtempSync(join(tmpdir(), 'governance-ssh-key-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const kinds = [
    ['-t', 'ed25519'],
    ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
    ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8'],
    ['-t', 'ecdsa', '-m', 'PEM'],
    ['-t', 'ecdsa', '-m', 'PKCS8'],
  ]
  for (const [number, kind] of kinds.entries()) {
    const file = join(folder, String(number))
    execFileSync('ssh-keygen', ['-q', ...kind, '-N', '', '-C', '', '-f', file])
    const [type, key] = readFileSync(`${file}.pub`, 'utf8').trim().split(' ')
    assert.equal(readSshKey(readFileSync(file)).authorizedKey, `${type} ${key} governance`, kind.join(' '))
  }
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret words', '-f', join(folder, 'closed')])
  assert.throws(() => readSshKey(readFileSync(join(folder, 'closed'))), { code: 'custody-refused' })
  assert.match(readSshKey(makeSshKey()).authorizedKey, /^ssh-ed25519 [A-Za-z0-9+/=]+ governance$/)
})
