import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLogDirectory } from '../../src/adapters/log-files/directory.ts'
import { directorySource } from '../../src/adapters/log-source/directory-source.ts'
import { httpSource } from '../../src/adapters/log-source/http-source.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { decodeEntry, formatVerifierKey, noteVerifierKey, sha256Hex } from '../../src/core/index.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { readClaimedHead } from '../../src/flows/record/follow-log.ts'
import { entriesOf, logTrust } from '../../src/flows/record/log-source.ts'
import { namedBlobs } from '../../src/flows/record/named-blobs.ts'
import { systemTimers } from '../../src/system.ts'
import { origin, startDeployment } from './deployment.ts'
import { approveAll, days, open } from './threat-scene.ts'

test('a running server publishes its log: every entry and value is fetched over HTTP and proven by the head alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'governance-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'decisions')
  const logFiles = await openLogDirectory({ directory, create: true })
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], logFiles })
  const pull = await open(d, 'acme/sdk')
  await approveAll(d, 'acme/sdk', pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  let { size } = await d.store.log.head()
  await d.published()
  const trust = logTrust([formatVerifierKey(noteVerifierKey(origin, await d.custody.publicKey(logKeyName)))])
  assert.ok(trust)
  for (const source of [
    httpSource({ url: `${d.url}/log/decisions`, token: null, timeoutMs: 5_000, timers: systemTimers }),
    directorySource(directory),
  ]) {
    const head = await readClaimedHead(source, trust)
    assert.ok(head.ok)
    // Events of the security log become entries a little later than what caused them.
    assert.ok(head.value.checkpoint.size >= size)
    ;({ size } = head.value.checkpoint)
    let count = 0
    const values = new Set<string>()
    for await (const range of entriesOf(source, head.value.checkpoint, { from: 0, to: size }, acceleration)) {
      assert.ok(range.ok)
      count += range.entries.length
      for (const bytes of range.entries) {
        assert.ok(decodeEntry(bytes).ok)
        for (const digest of namedBlobs(bytes).digests) values.add(digest)
      }
    }
    assert.equal(count, size)
    assert.ok(values.size > 5)
    for (const digest of values) {
      const bytes = await source.read(`blob/${digest}`)
      assert.ok(bytes !== null, digest)
      assert.equal(sha256Hex(bytes), digest)
    }
  }

  let isPublished: boolean | undefined
  for (let tries = 0; tries < 20 && isPublished !== true; tries++) {
    await d.pass(1_000)
    await d.published()
    const ready = (await (await fetch(`${d.url}/readyz`)).json()) as { readonly published?: boolean }
    isPublished = ready.published
  }
  assert.equal(isPublished, true)
  const get = (path: string) => fetch(`${d.url}/log/decisions/${path}`)
  const checkpoint = await get('checkpoint')
  assert.equal(checkpoint.headers.get('cache-control'), 'no-cache')
  assert.match(checkpoint.headers.get('content-type') ?? '', /^text\/plain/)
  const bundle = await get(`tile/entries/000.p/${size}`)
  assert.equal(bundle.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  assert.equal((await fetch(`${d.url}/log/decisions/checkpoint`, { method: 'POST' })).status, 405)

  // A restart finds what it published and goes on from there.
  await d.restart()
  await open(d, 'acme/sdk')
  await d.published()
  const grown = await readClaimedHead(
    httpSource({ url: `${d.url}/log/decisions`, token: null, timeoutMs: 5_000, timers: systemTimers }),
    trust,
  )
  assert.ok(grown.ok && grown.value.checkpoint.size > size)
})

test('T60 no path of the log leads to anything but one of its files', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  await d.published()
  const bodies = new Set<string>()
  const paths =
    '../../etc/passwd %2e%2e/%2e%2e/etc/passwd checkpoint/ CHECKPOINT tile tile/0 tile/0/999 tile/0/x000/000 tile/entries/000%2ep/1 blob/.. blob/ checkpoint%00'
  for (const path of paths.split(' ')) {
    const answer = await fetch(`${d.url}/log/decisions/${path}`)
    assert.equal(answer.status, 404, path)
    bodies.add(await answer.text())
  }
  assert.equal((await fetch(`${d.url}/log/security/checkpoint`)).status, 404)
  assert.equal(bodies.size, 1)
})
