import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Report } from '../../src/core/index.ts'
import { setDesk, until } from './cli-deployment.ts'
import { json } from './cli-process.ts'

test('evidence and trust are exported while the server runs, and judged by a process that has nothing else', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const config = ['--config', desk.config]
  const token = ['--apply', '--admin-token-file', join(desk.folder, 'admin-token')]
  assert.equal((await desk.cli('repo', 'enrol', 'acme/node', ...config, ...token)).code, 0)
  const server = await desk.serve()
  desk.fake.commit('acme/node', 'feature', { files: { 'docs/guide.md': 'new\n' }, author: 'alice', from: 'main' })
  const place = { repo: 'acme/node', head: 'feature', author: 'alice', title: 'docs: a' }
  const { number, headSha } = desk.fake.openPullRequest(place)
  await until(async () => desk.fake.checkRuns('acme/node', headSha).length > 0)

  const trust = join(desk.folder, 'trust.json')
  const exported = await desk.cli('trust', 'export', ...config, '--out', trust)
  assert.equal(exported.code, 0, exported.stderr)
  assert.match(exported.stdout, /^fingerprint +(?:\d{5} ){7}\d{5}$/m)
  assert.equal((await desk.cli('trust', 'export', ...config, '--out', trust)).code, 1, 'nothing is overwritten')
  const shown = json(await desk.cli('trust', 'show', trust, '--json')) as { fingerprint: string }
  assert.ok(exported.stdout.includes(shown.fingerprint))

  const file = join(desk.folder, 'evidence.json')
  const made = await desk.cli('evidence', 'export', `acme/node#${number}`, ...config, '--out', file, '--json')
  assert.equal(made.code, 0, made.stderr)
  const { entry } = json(made) as { entry: number }
  const again = await desk.cli('evidence', 'export', String(entry), ...config)
  assert.equal(again.stdout, readFileSync(file, 'utf8'))
  assert.equal((await desk.cli('evidence', 'export', 'acme/node#99', ...config)).code, 2)
  assert.equal((await desk.cli('evidence', 'export', '0', ...config)).code, 2, 'genesis is no verdict')
  assert.equal(await server.stop(), 0)

  const verify = async (...args: string[]) => {
    const finished = await desk.cli('verify', 'evidence', ...args, '--json')
    return { code: finished.code, report: json(finished) as Report }
  }
  const known = await verify(file, '--trust', trust)
  assert.deepEqual([known.code, known.report.verdict], [1, 'consistent'], 'without a clone nobody verified the facts')
  assert.equal((await verify(file, '--trust', trust, '--accept-consistent')).code, 0)
  const clone = join(desk.folder, 'clone')
  desk.fake.exportTo('acme/node', clone)
  const looked = await verify(file, '--trust', trust, '--clone', clone)
  assert.deepEqual([looked.code, looked.report.verdict], [0, 'verified'])
  const other = join(desk.folder, 'other')
  desk.fake.exportTo('acme/governance', other)
  assert.equal((await desk.cli('verify', 'evidence', file, '--trust', trust, '--clone', other)).code, 2)
  const nobody = await verify(file, '--accept-consistent')
  assert.deepEqual([nobody.code, nobody.report.verdict], [1, 'untrusted'])
  const plain = await desk.cli('verify', 'evidence', file, '--trust', trust)
  assert.match(plain.stdout, /^skipped +clone +no-clone$/m)

  const tampered = join(desk.folder, 'tampered.json')
  writeFileSync(tampered, readFileSync(file, 'utf8').replace('"outcome":"pending"', '"outcome":"passing"'))
  const found = await verify(tampered, '--trust', trust, '--accept-consistent')
  assert.deepEqual([found.code, found.report.verdict], [1, 'invalid'])
  assert.equal((await desk.cli('verify', 'evidence', file, '--trust', file)).code, 1, 'evidence is no trust file')
  assert.equal((await desk.cli('verify', 'evidence', join(desk.folder, 'none'), '--trust', trust)).code, 2)
})
