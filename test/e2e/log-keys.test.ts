import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setDesk } from './cli-deployment.ts'
import { json } from './cli-process.ts'

test('a root that is stored nowhere certifies the first key and a successor, and the log goes on under it', async (t) => {
  const desk = await setDesk(t)
  const origin = 'gov.example.org/decisions'
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const created = await desk.cli('log', 'root', 'create', '--origin', origin, '--json')
  const { root, secret } = json(created) as { root: string; secret: string }
  const rootFile = join(desk.folder, 'root.secret')
  writeFileSync(rootFile, secret, { mode: 0o600 })
  const shown = await desk.cli('log', 'root', 'show', '--origin', origin, '--root-file', rootFile)
  assert.equal(shown.stdout.trim(), root)

  const put = (name: string, text: string): string => {
    const file = join(desk.folder, name)
    writeFileSync(file, text)
    return file
  }
  const request = async (name: string): Promise<string> => {
    const made = await desk.cli('log', 'key', 'request', '--config', desk.config)
    assert.equal(made.code, 0, made.stderr)
    return put(name, made.stdout)
  }
  const certify = async (file: string, name: string): Promise<string> => {
    const made = await desk.cli('log', 'root', 'certify', file, '--root-file', rootFile, '--yes')
    assert.equal(made.code, 0, made.stderr)
    return put(name, made.stdout)
  }
  const apply = (file: string, key = root) =>
    desk.cli('log', 'key', 'apply', file, '--config', desk.config, '--root', key, '--json')
  const keys = async () =>
    json(await desk.cli('log', 'key', 'show', '--config', desk.config, '--json')) as {
      generation: number
      key: string
      certificates: string[]
    }

  const before = await keys()
  const first = await certify(await request('one.request'), 'one.cert')
  assert.equal((await apply(first)).code, 0)
  const repeated = await apply(first)
  assert.equal((json(repeated) as { code: string }).code, 'log-key-chain-broken')
  assert.equal((await keys()).key, before.key)

  const secondRequest = await request('two.request')
  const other = await desk.cli('log', 'root', 'create', '--origin', origin, '--json')
  const stranger = json(other) as { root: string; secret: string }
  const strangerFile = put('stranger.secret', stranger.secret)
  assert.equal((await desk.cli('log', 'root', 'show', '--origin', origin, '--root-file', strangerFile)).code, 2, 'mode')
  const second = await certify(secondRequest, 'two.cert')
  assert.equal((json(await apply(second, stranger.root)) as { code: string }).code, 'log-key-not-signed-by-root')
  assert.equal((json(await apply(secondRequest)) as { code: string }).code, 'log-key-not-signed-by-root')
  assert.equal((await apply(second)).code, 0)
  const after = await keys()
  assert.deepEqual([after.generation, after.certificates.length], [2, 2])
  assert.notEqual(after.key, before.key)

  // The server starts on a head that the new key signed, and its readiness checks that signature.
  const server = await desk.serve()
  const ready = await fetch(`${desk.url}/readyz`)
  assert.equal(ready.status, 200)
  await server.stop()

  writeFileSync(
    rootFile,
    secret.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    { mode: 0o600 },
  )
  const slip = await desk.cli('log', 'root', 'show', '--origin', origin, '--root-file', rootFile, '--json')
  assert.equal((json(slip) as { code: string }).code, 'root-secret')
  assert.ok(!slip.stderr.includes(secret.slice(0, 20)))
})
