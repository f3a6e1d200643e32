import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { verifierRelease } from '../../src/compose-verifier.ts'
import { copyTree } from '../house/tree-copy.ts'
import { setDesk, until } from './cli-deployment.ts'
import { json } from './cli-process.ts'

test('the log tells once which verifier the server carries, and strangers compare a file with it', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const trust = join(desk.folder, 'trust.json')
  assert.equal((await desk.cli('trust', 'export', '--config', desk.config, '--out', trust)).code, 0)
  const log = join(desk.dataDirectory, 'log', 'decisions')
  const digests = (...args: string[]) => desk.cli('verifier', 'digests', '--log', log, '--trust', trust, ...args)
  const size = () => Number(readFileSync(join(log, 'checkpoint'), 'utf8').split('\n')[1])

  const published = await desk.cli('log', 'publish', '--config', desk.config)
  assert.equal(published.code, 0, published.stderr)
  const none = await digests('--json')
  assert.equal(none.code, 2)
  assert.match(none.stderr, /verifier-not-recorded/)
  const before = size()

  const first = await desk.serve()
  await until(async () => size() > before)
  assert.equal(await first.stop(), 0)
  const release = verifierRelease()
  const said = json(await digests('--json')) as { entry: number; version: string; files: object; size: number }
  assert.deepEqual([said.version, said.files], [release.version, release.files])

  const second = await desk.serve()
  assert.equal(await second.stop(), 0)
  assert.equal((await desk.cli('log', 'publish', '--config', desk.config)).code, 0)
  const again = json(await digests('--json')) as { entry: number }
  assert.equal(again.entry, said.entry, 'the same verifier is told once')
  const audited = await desk.cli('verify', 'log', log, '--trust', trust)
  assert.equal(audited.code, 0, audited.stdout)

  const built = join(desk.folder, 'built')
  mkdirSync(built)
  const script = join(import.meta.dirname, '../../scripts/build-verifier.ts')
  execFileSync(process.execPath, [script, built])
  const sums = join(desk.folder, 'sums')
  writeFileSync(sums, (await digests()).stdout)
  const compare = () => spawnSync('sha256sum', ['--check', sums], { cwd: built, encoding: 'utf8' })
  assert.equal(compare().status, 0)
  const file = join(built, 'verify.mjs')
  writeFileSync(file, readFileSync(file, 'utf8').replace("'fail'", "'pass'") + ' ')
  assert.match(compare().stdout, /verify\.mjs: FAILED/)

  const stranger = await desk.cli('verifier', 'digests', '--log', log)
  assert.equal(stranger.code, 64, 'a log that nobody vouches for says nothing')
})

test('a package hands out the verifier that it carries, and no other', (t) => {
  const tree = copyTree()
  t.after(() => tree.remove())
  const out = join(tree.root, 'out')
  const exported = (...args: string[]) =>
    spawnSync(process.execPath, ['src/main.ts', 'verifier', 'export', '--out', out, ...args], {
      cwd: tree.root,
      encoding: 'utf8',
    })
  const unbuilt = exported('--json')
  assert.equal(unbuilt.status, 2)
  assert.equal((JSON.parse(unbuilt.stdout) as { code: string }).code, 'verifier-not-built')

  execFileSync(process.execPath, ['scripts/build-verifier.ts'], { cwd: tree.root })
  const done = exported()
  assert.equal(done.status, 0, done.stderr)
  assert.deepEqual(readdirSync(out).sort(), ['SHA256SUMS', 'verify.html', 'verify.mjs'])
  execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: out })
  const { files } = verifierRelease()
  for (const digest of Object.values(files)) assert.ok(done.stdout.includes(digest))
  assert.match(exported().stderr, /file-exists/, 'nothing is overwritten')

  const file = join(tree.root, 'dist', 'verifier', 'verify.mjs')
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n`)
  const other = spawnSync(process.execPath, ['src/main.ts', 'verifier', 'export', '--out', join(tree.root, 'other')], {
    cwd: tree.root,
    encoding: 'utf8',
  })
  assert.equal(other.status, 1)
  assert.match(other.stderr, /verifier-differs/)
})
