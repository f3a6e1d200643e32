import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { createKeystore, openKeystore } from '../../src/adapters/custody/encrypted-file.ts'
import { dataFiles } from '../../src/compose-deployment.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { securityKeyName } from '../../src/flows/gate/recorder.ts'
import { type Desk, setDesk } from './cli-deployment.ts'
import { json } from './cli-process.ts'

/** The keystore as a version before the security log left it: without that log's key. */
async function withoutSecurityKey(desk: Desk): Promise<void> {
  const file = dataFiles(desk.dataDirectory).keystore
  const unlock = { kind: 'key', bytes: readFileSync(join(desk.folder, 'unlock.key')) } as const
  const full = await openKeystore({ file, unlock })
  const kept = (await full.names()).filter((name) => name !== securityKeyName && name !== logKeyName)
  const secrets = await Promise.all(kept.map(async (name) => [name, await full.reveal(name)] as const))
  rmSync(file)
  const old = await createKeystore({ file, unlock })
  for (const [name, bytes] of secrets) await old.put(name, 'secret', bytes)
  await old.generateEd25519(logKeyName)
}

test('audit list reads for people and machines, also beside a running server, and is an event itself', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const config = ['--config', desk.config]
  await desk.serve()
  const told = await desk.cli('audit', 'list', ...config)
  assert.equal(told.code, 0, told.stderr)
  assert.match(told.stdout, /success +server-started +server +start deployment/)
  const again = await desk.cli('audit', 'list', ...config, '--limit', '1', '--json')
  const [newest] = json(again) as { eventType: string; userId: string; index: number; at: number }[]
  assert.equal(newest?.eventType, 'audit-read')
  assert.match(newest.userId, /^operator/)
  assert.equal((await desk.cli('audit', 'list', ...config, '--limit', '0')).code, 64)
  for (const secret of desk.secrets) assert.equal(told.stdout.includes(secret), false)
})

test('a deployment of an older version is told to migrate, and the migration makes the key', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const config = ['--config', desk.config]
  await withoutSecurityKey(desk)
  const doctor = await desk.cli('doctor', ...config, '--json')
  const { checks } = json(doctor) as { checks: { name: string; outcome: string; remedy: string }[] }
  const keystore = checks.find(({ name }) => name === 'keystore')
  assert.deepEqual([keystore?.outcome, /governance db migrate/.test(keystore?.remedy ?? '')], ['fail', true])
  const refused = await desk.cli('serve', ...config)
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /custody-not-found/)
  const migrated = await desk.cli('db', 'migrate', ...config, '--json')
  assert.deepEqual((json(migrated) as { createdKeys: string[] }).createdKeys, [securityKeyName])
  const [newest] = json(await desk.cli('audit', 'list', ...config, '--limit', '1', '--json')) as {
    eventType: string
    resource: string
  }[]
  assert.deepEqual([newest?.eventType, newest?.resource], ['key-created', `key:${securityKeyName}`])
  const server = await desk.serve()
  assert.equal(await server.stop(), 0)
})
