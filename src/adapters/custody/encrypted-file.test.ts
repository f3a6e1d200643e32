import assert from 'node:assert/strict'
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { createKeystore, openKeystore } from './encrypted-file.ts'
import type { KeystoreFile } from './encrypted-file-format.ts'
import type { Unlock } from './unlock.ts'

function keystoreFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'governance-custody-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'keystore.json')
}

const newKey = (): Unlock => ({ kind: 'key', bytes: randomBytes(32) })
const refused = (reason: string) => (fault: unknown) => {
  assert.equal((fault as { code?: string }).code, 'custody-refused', String(fault))
  assert.equal((fault as { data: { reason?: unknown } }).data.reason, reason, String(fault))
  return true
}
const notFound = (fault: unknown) => (fault as { code?: string }).code === 'custody-not-found'

const read = (file: string): KeystoreFile => JSON.parse(readFileSync(file, 'utf8')) as KeystoreFile
const rewrite = (file: string, content: unknown): void => writeFileSync(file, JSON.stringify(content))

test('secrets and keys survive reopening, with a key and with a passphrase', async (t) => {
  for (const unlock of [newKey(), { kind: 'passphrase', text: 'correct horse battery' }] as const) {
    const file = keystoreFile(t)
    const made = await createKeystore({ file, unlock })
    await made.put('github-webhook', 'secret', Buffer.from('hook secret'))
    const publicKey = await made.generateEd25519('log')
    const opened = await openKeystore({ file, unlock })
    assert.equal(Buffer.from(await opened.reveal('github-webhook')).toString(), 'hook secret')
    assert.deepEqual(await opened.publicKey('log'), publicKey)
    assert.deepEqual(await opened.names(), ['github-webhook', 'log'])
    assert.deepEqual([opened.id, opened.generation()], [made.id, 3])
    const message = Buffer.from('origin\n1\nroot\n')
    const signature = await opened.sign('log', message)
    const x = Buffer.from(publicKey).toString('base64url')
    const verifier = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    assert.equal(verify(null, message, verifier, signature), true)
    await opened.remove('github-webhook')
    await assert.rejects((await openKeystore({ file, unlock })).reveal('github-webhook'), notFound)
  }
})

test('a known seed gives the public key of RFC 8032, test 1', async (t) => {
  const file = keystoreFile(t)
  const keystore = await createKeystore({ file, unlock: newKey() })
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  await keystore.put('log', 'ed25519', seed)
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  assert.equal(hex(await keystore.publicKey('log')), 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
  assert.match(hex(await keystore.sign('log', new Uint8Array())), /^e5564300c360ac729086e2cc806e828a84877f1eb8e5d974/)
})

test('a signing key is never revealed, a secret never signs, names and lengths are checked', async (t) => {
  const keystore = await createKeystore({ file: keystoreFile(t), unlock: newKey() })
  await keystore.generateEd25519('log')
  await keystore.put('hook', 'secret', Buffer.from('x'))
  await assert.rejects(keystore.reveal('log'), refused('kind-wrong'))
  await assert.rejects(keystore.sign('hook', Buffer.from('m')), refused('kind-wrong'))
  await assert.rejects(keystore.publicKey('none'), notFound)
  await assert.rejects(keystore.remove('none'), notFound)
  await assert.rejects(keystore.generateEd25519('log'), refused('name-taken'))
  await assert.rejects(keystore.put('../up', 'secret', Buffer.from('x')), refused('name-invalid'))
  await assert.rejects(keystore.put('k', 'ed25519', randomBytes(31)), refused('key-length'))
})

test('T57 a replaced key is the one in place, and its old signature key is forgotten', async (t) => {
  const keystore = await createKeystore({ file: keystoreFile(t), unlock: newKey() })
  const old = await keystore.generateEd25519('log')
  await keystore.put('log', 'ed25519', randomBytes(32))
  assert.notDeepEqual(await keystore.publicKey('log'), old)
})

test('a wrong key, a wrong passphrase, a short one and the wrong kind of unlock open nothing', async (t) => {
  const byKey = keystoreFile(t)
  await createKeystore({ file: byKey, unlock: newKey() })
  await assert.rejects(openKeystore({ file: byKey, unlock: newKey() }), refused('unlock-wrong'))
  await assert.rejects(
    openKeystore({ file: byKey, unlock: { kind: 'passphrase', text: 'a passphrase' } }),
    refused('unlock-kind'),
  )
  const short = { kind: 'key', bytes: randomBytes(16) } as const
  await assert.rejects(openKeystore({ file: byKey, unlock: short }), refused('key-length'))
  const byWords = keystoreFile(t)
  await createKeystore({ file: byWords, unlock: { kind: 'passphrase', text: 'first words' } })
  const other = { kind: 'passphrase', text: 'other words' } as const
  await assert.rejects(openKeystore({ file: byWords, unlock: other }), refused('unlock-wrong'))
  const tooShort = { kind: 'passphrase', text: 'seven77' } as const
  await assert.rejects(createKeystore({ file: keystoreFile(t), unlock: tooShort }), refused('passphrase-short'))
})

test('a keystore is created once', async (t) => {
  const file = keystoreFile(t)
  await createKeystore({ file, unlock: newKey() })
  const before = readFileSync(file)
  await assert.rejects(createKeystore({ file, unlock: newKey() }), refused('file-exists'))
  assert.deepEqual(readFileSync(file), before)
  assert.equal(readdirSync(join(file, '..')).length, 1)
})

test('T56 every change to the file without its key is found: moved, swapped, dropped, added, rolled back entries', async (t) => {
  const file = keystoreFile(t)
  const unlock = newKey()
  const keystore = await createKeystore({ file, unlock })
  await keystore.put('a', 'secret', Buffer.from('one'))
  const older = read(file)
  await keystore.put('a', 'secret', Buffer.from('two'))
  await keystore.put('b', 'secret', Buffer.from('three'))
  const good = read(file)
  const [a, b] = good.entries
  assert.ok(a !== undefined && b !== undefined)
  const changes: Record<string, unknown> = {
    'boxes swapped': {
      ...good,
      entries: [
        { ...a, sealed: b.sealed },
        { ...b, sealed: a.sealed },
      ],
    },
    'order swapped': { ...good, entries: [b, a] },
    renamed: { ...good, entries: [{ ...a, name: 'c' }, b] },
    dropped: { ...good, entries: [b] },
    'all dropped': { ...good, entries: [] },
    copied: { ...good, entries: [a, b, { ...a, name: 'c' }] },
    'rolled back': { ...good, entries: [older.entries[0], b] },
    'another version': { ...good, entries: [{ ...a, version: 9 }, b] },
    'another kind': { ...good, entries: [{ ...a, kind: 'ed25519' }, b] },
    'another generation': { ...good, generation: 2 },
    'another id': { ...good, id: '0'.repeat(32) },
    'another mac': { ...good, mac: older.mac },
  }
  for (const [name, content] of Object.entries(changes)) {
    rewrite(file, content)
    const reason = name === 'another id' ? 'unlock-wrong' : 'file-tampered'
    await assert.rejects(openKeystore({ file, unlock }), refused(reason), name)
  }
  rewrite(file, { ...good, entries: [a, b, a] })
  await assert.rejects(openKeystore({ file, unlock }), refused('file-malformed'))
  rewrite(file, { ...good, extra: 1 })
  await assert.rejects(openKeystore({ file, unlock }), refused('file-malformed'))
  writeFileSync(file, readFileSync(file).subarray(0, 100))
  await assert.rejects(openKeystore({ file, unlock }), refused('file-malformed'))
  rewrite(file, good)
  assert.equal((await openKeystore({ file, unlock })).generation(), 4)
})

test('T56 a keystore swapped for another whole one is refused: what opens it lies elsewhere', async (t) => {
  const file = keystoreFile(t)
  const unlock = newKey()
  await createKeystore({ file, unlock })
  const foreign = keystoreFile(t)
  await (await createKeystore({ file: foreign, unlock: newKey() })).generateEd25519('log')
  renameSync(foreign, file)
  await assert.rejects(openKeystore({ file, unlock }), refused('unlock-wrong'))
})

test('T56 a loose mode, a symbolic link, another owner and an open directory are refused', async (t) => {
  const file = keystoreFile(t)
  const unlock = newKey()
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const keystore = await createKeystore({ file, unlock })
  await keystore.put('a', 'secret', Buffer.from('x'))
  assert.equal(statSync(file).mode & 0o777, 0o600)
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    chmodSync(file, mode)
    await assert.rejects(openKeystore({ file, unlock }), refused('file-mode'))
  }
  chmodSync(file, 0o600)
  symlinkSync(file, `${file}-link`)
  await assert.rejects(openKeystore({ file: `${file}-link`, unlock }), refused('file-symlink'))
  await assert.rejects(openKeystore({ file: join(file, '..'), unlock }), refused('file-not-regular'))
  await assert.rejects(openKeystore({ file: `${file}-none`, unlock }), notFound)
  chmodSync(join(file, '..'), 0o777)
  await assert.rejects(openKeystore({ file, unlock }), refused('directory-mode'))
  chmodSync(join(file, '..'), 0o700)
  if (process.geteuid?.() !== 0) return
  chownSync(file, 65534, 65534)
  await assert.rejects(openKeystore({ file, unlock }), refused('file-owner'))
})

test('weak and absurd Argon2id parameters are refused before any work is done', async (t) => {
  const file = keystoreFile(t)
  const unlock = { kind: 'passphrase', text: 'correct horse battery' } as const
  await createKeystore({ file, unlock })
  const good = read(file)
  const { unlock: header } = good
  const cases = [
    [{ memoryKiB: 18 * 1024 }, 'kdf-weak'],
    [{ passes: 1 }, 'kdf-weak'],
    [{ memoryKiB: 2_000_000 }, 'kdf-excessive'],
    [{ passes: 1_000_000 }, 'kdf-excessive'],
    [{ parallelism: 0 }, 'kdf-excessive'],
    [{ kdf: 'scrypt' }, 'file-malformed'],
  ] as const
  for (const [change, reason] of cases) {
    rewrite(file, { ...good, unlock: { ...header, ...change } })
    await assert.rejects(openKeystore({ file, unlock }), refused(reason), reason)
  }
})

test('a change by another process is not overwritten', async (t) => {
  const file = keystoreFile(t)
  const unlock = newKey()
  const first = await createKeystore({ file, unlock })
  const second = await openKeystore({ file, unlock })
  await second.put('a', 'secret', Buffer.from('x'))
  await assert.rejects(first.put('b', 'secret', Buffer.from('y')), refused('keystore-moved'))
  assert.deepEqual(await (await openKeystore({ file, unlock })).names(), ['a'])
})

test('T59 no secret in the file, in the printed keystore or in what is returned to everybody', async (t) => {
  const file = keystoreFile(t)
  const key = randomBytes(32)
  const keystore = await createKeystore({ file, unlock: { kind: 'key', bytes: key } })
  const secret = 'recognisable-secret'
  await keystore.put('a', 'secret', Buffer.from(secret))
  const places = [
    readFileSync(file, 'latin1'),
    inspect(keystore, { depth: 9, showHidden: true }),
    JSON.stringify(keystore),
  ]
  for (const text of places)
    for (const needle of [secret, Buffer.from(secret).toString('base64'), key.toString('hex'), key.toString('base64')])
      assert.equal(text.includes(needle), false)
  const revealed = await keystore.reveal('a')
  revealed.fill(0)
  assert.equal(Buffer.from(await keystore.reveal('a')).toString(), secret)
})
