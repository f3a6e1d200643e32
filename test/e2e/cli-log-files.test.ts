import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setDesk, until } from './cli-deployment.ts'

const databaseFiles = ['governance.db', 'governance.db-wal', 'governance.db-shm']

test('T47 a restored database signs nothing: server, publisher and every command say that the published log is ahead', async (t) => {
  const desk = await setDesk(t)
  const { config, dataDirectory: data } = desk
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const published = await desk.cli('log', 'publish', '--config', config, '--json')
  assert.equal(published.code, 0, published.stderr)
  const { size } = JSON.parse(published.stdout) as { readonly size: number }
  assert.ok(size > 0)

  const backup = join(desk.folder, 'backup')
  for (const file of databaseFiles) if (existsSync(join(data, file))) cpSync(join(data, file), join(backup, file))
  const enrol = [
    'repo',
    'enrol',
    'acme/node',
    '--config',
    config,
    '--apply',
    '--admin-token-file',
    join(desk.folder, 'admin-token'),
  ]
  assert.equal((await desk.cli(...enrol)).code, 0)
  const { stop } = await desk.serve()
  const checkpoint = join(data, 'log/decisions/checkpoint')
  const sizeShown = (): number => Number(readFileSync(checkpoint, 'utf8').split('\n')[1])
  await until(async () => sizeShown() > size)
  const beside = await desk.cli('log', 'publish', '--config', config)
  assert.match(beside.stderr, /store-locked/)
  await stop()

  const newest = readFileSync(checkpoint)
  for (const file of databaseFiles) {
    rmSync(join(data, file), { force: true })
    if (existsSync(join(backup, file))) cpSync(join(backup, file), join(data, file))
  }
  const refused = [
    ['serve', '--config', config],
    ['log', 'publish', '--config', config],
    ['log', 'publish', '--all', '--config', config],
    enrol,
  ]
  for (const command of refused) {
    const ended = await desk.cli(...command)
    assert.equal(ended.code, 1, command.join(' '))
    assert.match(ended.stderr, /log-ahead/, command.join(' '))
  }
  assert.deepEqual(readFileSync(checkpoint), newest)
  const status = await desk.cli('log', 'status', '--config', config, '--json')
  assert.equal((JSON.parse(status.stdout) as { readonly size: number }).size, size, 'something was signed')
})

test('files that were lost are written again; a token of the log is made once and printed once', async (t) => {
  const desk = await setDesk(t)
  const { config, dataDirectory: data } = desk
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const publish = ['log', 'publish', '--config', config, '--json']
  const { size } = JSON.parse((await desk.cli(...publish)).stdout) as { readonly size: number }
  const tile = join(data, `log/decisions/tile/0/000.p/${size}`)
  const bytes = readFileSync(tile)
  truncateSync(tile, 5)
  assert.deepEqual(JSON.parse((await desk.cli(...publish, '--all')).stdout), { ok: true, size, offHostSize: null })
  assert.deepEqual(readFileSync(tile), bytes)
  writeFileSync(tile, Buffer.alloc(bytes.length))
  const differs = await desk.cli(...publish, '--all')
  assert.equal(differs.code, 1)
  assert.equal((JSON.parse(differs.stdout) as { readonly code: string }).code, 'log-file-differs')
  writeFileSync(tile, bytes)

  const none = await desk.cli('log', 'token', '--config', config)
  assert.match(none.stderr, /no-token/)
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace(/^\[log\]$/m, '[log]\naccess = "token"\ntoken = { keystore = "log-token" }'))
  const made = await desk.cli('log', 'token', '--config', config, '--json')
  assert.equal(made.code, 0, made.stderr)
  const { token } = JSON.parse(made.stdout) as { readonly token: string }
  const again = await desk.cli('log', 'token', '--config', config)
  assert.match(again.stderr, /name-taken/)
  await desk.serve()
  const ask = async (authorization: string) =>
    (await fetch(`${desk.url}/log/decisions/checkpoint`, { headers: { authorization } })).status
  assert.equal(await ask(`Bearer ${token}`), 200)
  assert.equal(await ask(`Bearer ${token.slice(1)}`), 404)
  const examined = await desk.cli('doctor', '--config', config, '--json')
  const { checks } = JSON.parse(examined.stdout) as {
    readonly checks: readonly { readonly name: string; readonly outcome: string }[]
  }
  assert.equal(checks.find(({ name }) => name === 'log readers')?.outcome, 'ok')
})
