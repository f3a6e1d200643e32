import assert from 'node:assert/strict'
import { createECDH, randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readKeyFile } from './key-file.ts'
import { createSignerKey, openSignerKey, readSignerPublicKey } from './signer-key.ts'

function keyFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'governance-signer-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'key.json')
}

const refused = (reason: string) => (fault: unknown) => {
  assert.equal((fault as { data?: { reason?: unknown } }).data?.reason, reason, String(fault))
  return true
}
const unlock = { kind: 'passphrase', text: 'a maintainer remembers this' } as const

const publicOf = (privateKey: Uint8Array): string => {
  const curve = createECDH('secp256k1')
  curve.setPrivateKey(privateKey)
  return curve.getPublicKey('hex', 'compressed')
}

test('a signer key is made, named by its public key and opened again', async (t) => {
  const file = keyFile(t)
  const made = await createSignerKey({ file, unlock })
  assert.match(made.publicKey, /^0[23][0-9a-f]{64}$/)
  assert.deepEqual(readSignerPublicKey(file), { publicKey: made.publicKey, unlock: 'passphrase' })
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const opened = await openSignerKey({ file, unlock })
  assert.equal(opened.withPrivateKey(publicOf), made.publicKey)
  await assert.rejects(createSignerKey({ file, unlock }), refused('file-exists'))
})

test('a given private key is kept, never in clear, and overwritten after each use', async (t) => {
  const file = keyFile(t)
  const privateKey = Buffer.concat([Buffer.alloc(1), randomBytes(31)])
  const copy = Buffer.from(privateKey)
  const key = await createSignerKey({ file, unlock: { kind: 'key', bytes: randomBytes(32) }, privateKey })
  assert.deepEqual(privateKey, copy)
  let lent = new Uint8Array()
  key.withPrivateKey((bytes) => {
    assert.deepEqual(Buffer.from(bytes), copy)
    lent = bytes as Uint8Array<ArrayBuffer>
  })
  assert.ok(lent.length === 32 && lent.every((byte) => byte === 0))
  const text = readFileSync(file, 'latin1')
  for (const needle of [copy.toString('hex'), copy.toString('base64'), copy.toString('latin1')])
    assert.equal(text.includes(needle), false)
})

test('a wrong passphrase, another public key and a swapped box are refused', async (t) => {
  const file = keyFile(t)
  await createSignerKey({ file, unlock })
  await assert.rejects(
    openSignerKey({ file, unlock: { kind: 'passphrase', text: 'something else' } }),
    refused('unlock-wrong'),
  )
  const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, JSON.stringify({ ...content, publicKey: publicOf(randomBytes(32)) }))
  await assert.rejects(openSignerKey({ file, unlock }), refused('entry-tampered'))
  writeFileSync(file, JSON.stringify({ ...content, scheme: 'bip340-v1' }))
  await assert.rejects(openSignerKey({ file, unlock }), refused('file-malformed'))
  const other = keyFile(t)
  await createSignerKey({ file: other, unlock })
  const { sealed } = JSON.parse(readFileSync(other, 'utf8')) as { sealed: unknown }
  writeFileSync(file, JSON.stringify({ ...content, sealed }))
  await assert.rejects(openSignerKey({ file, unlock }), refused('entry-tampered'))
})

test('bytes that are no private key are refused', async (t) => {
  for (const privateKey of [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.alloc(31, 1)])
    await assert.rejects(createSignerKey({ file: keyFile(t), unlock, privateKey }))
})

test('T56 a signer key file that others can read, or a link to it, is refused', async (t) => {
  const file = keyFile(t)
  await createSignerKey({ file, unlock })
  symlinkSync(file, `${file}-link`)
  await assert.rejects(openSignerKey({ file: `${file}-link`, unlock }), refused('file-symlink'))
  chmodSync(file, 0o640)
  await assert.rejects(openSignerKey({ file, unlock }), refused('file-mode'))
})

test('T56 an unlock key file holds 32 bytes or 64 hex characters and is private', (t) => {
  const file = keyFile(t)
  const key = randomBytes(32)
  for (const content of [key, key.toString('hex'), `${key.toString('hex').toUpperCase()}\n`]) {
    writeFileSync(file, content, { mode: 0o600 })
    assert.deepEqual(Buffer.from(readKeyFile(file)), key)
  }
  for (const content of ['', 'short', key.subarray(1), `${key.toString('hex')}0`, `${key.toString('hex')} \n`]) {
    writeFileSync(file, content)
    assert.throws(() => readKeyFile(file), refused('key-file-malformed'))
  }
  writeFileSync(file, Buffer.alloc(32))
  assert.throws(() => readKeyFile(file), refused('key-file-weak'))
  writeFileSync(file, key)
  symlinkSync(file, `${file}-link`)
  assert.throws(() => readKeyFile(`${file}-link`), refused('file-symlink'))
  chmodSync(file, 0o440)
  assert.throws(() => readKeyFile(file), refused('file-mode'))
  if (process.geteuid?.() === 0)
    assert.deepEqual(Buffer.from(readKeyFile(file, { credentialsDirectory: join(file, '..') })), key)
  chmodSync(file, 0o444)
  assert.throws(() => readKeyFile(file, { credentialsDirectory: join(file, '..') }), refused('file-mode'))
})
