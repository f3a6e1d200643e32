import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ReleaseReport } from '../../src/core/index.ts'
import { json, run, scratch } from '../e2e/cli-process.ts'
import { node, pemOf, setReleaseDesk, sha256sumCheck } from '../e2e/release-desk.ts'

test('a release goes from its artefacts to a stranger’s machine: prepared, signed for, signed, verified', async (t) => {
  const { desk, people, revision, dist, say } = await setReleaseDesk(t)
  const { folder, config, url } = desk
  const [one, two, three] = people
  assert.ok(one && two && three)
  const code = async (...args: string[]) => {
    const done = await desk.cli(...args, '--json')
    return { exit: done.code, told: json(done) as { code?: string; [member: string]: unknown } }
  }
  const tgz = join(dist, 'node-1.0.0.tgz')
  const request = join(dist, 'release-request.json')
  const prepare = ['release', 'prepare', node, tgz, join(dist, 'node-1.0.0.zip'), '--revision', revision, '--tag']

  await t.test('what is prepared is what sha256sum reads, and bad input is told apart', async () => {
    assert.equal((await desk.cli(...prepare, '../v1')).code, 64)
    assert.equal(
      (await desk.cli('release', 'prepare', node, join(dist, 'none'), '--revision', revision, '--tag', 'v1')).code,
      2,
    )
    assert.equal((await desk.cli('release', 'prepare', node, tgz, '--revision', 'main', '--tag', 'v1')).code, 64)
    const made = await desk.cli(...prepare, 'v1.0.0')
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stdout, /SHA256SUMS sha256:[0-9a-f]{64}/)
    assert.match(sha256sumCheck(dist), /node-1\.0\.0\.tgz: OK\nnode-1\.0\.0\.zip: OK/)
    assert.equal((await desk.cli(...prepare, 'v1.0.0')).code, 1, 'nothing is overwritten')
  })

  const sign = ['release', 'sign', request, '--config', config]
  const early = await code(...sign)
  assert.deepEqual([early.exit, early.told.code], [1, 'quorum-not-met'])
  const plain = await desk.cli(...sign)
  assert.match(plain.stderr, /layer-4: 0 of 3 signatures; could still sign: node-1, node-2/)

  await t.test('maintainers sign: with a key file, with openssl alone, and with what is printed', async () => {
    const key = join(folder, 'key.json')
    const secret = join(folder, 'one.pem')
    const pass = join(folder, 'pass')
    writeFileSync(secret, pemOf(one), { mode: 0o600 })
    writeFileSync(pass, 'correct horse battery staple', { mode: 0o600 })
    const imported = await desk.cli('approval', 'key', 'import', key, '--pem', secret, '--passphrase-file', pass)
    assert.equal(imported.code, 0, imported.stderr)
    const challenge = join(folder, 'challenge.json')
    const ask = ['release', 'challenge', request, '--server', url, '--maintainer']
    const asked = await desk.cli(...ask, one.login, '--out', challenge)
    assert.equal(asked.code, 0, asked.stderr)
    assert.match(asked.stdout, new RegExp(`approve of a release[^]*v1\\.0\\.0[^]*${revision}`))
    const signed = await desk.cli(
      'approval',
      'sign',
      '--challenge',
      challenge,
      '--key',
      key,
      '--passphrase-file',
      pass,
      '--yes',
    )
    assert.equal(signed.code, 0, signed.stderr)
    const [, payload = '', signature = ''] = signed.stdout.trim().split(' ')
    const verified = await desk.cli(
      'approval',
      'verify',
      '--payload',
      payload,
      '--signature',
      signature,
      '--public-key',
      one.publicHex,
    )
    assert.equal(verified.code, 0, verified.stdout)
    assert.match(await say(one, signed.stdout.trim()), /1 of 3 signatures/)

    const told = await desk.cli(...ask, two.login, '--json')
    const { commands } = json(told) as { commands: string[] }
    const place = join(folder, 'own-build')
    mkdirSync(place)
    for (const name of ['node-1.0.0.tgz', 'node-1.0.0.zip', 'SHA256SUMS'])
      copyFileSync(join(dist, name), join(place, name))
    writeFileSync(join(place, 'maintainer-key.pem'), pemOf(two))
    const line = execFileSync('sh', ['-e', '-c', commands.join('\n')], { cwd: place, encoding: 'utf8' })
    assert.match(await say(two, line.trimEnd().split('\n').at(-1) ?? ''), /2 of 3 signatures/)

    assert.equal((await desk.cli(...ask, 'nobody')).code, 1)
    assert.equal((await desk.cli(...ask, three.login, '--decision', 'attest')).code, 64)
    assert.equal((await desk.cli(...ask, three.login, '--decision', 'veto')).code, 64)
    writeFileSync(join(place, 'maintainer-key.pem'), pemOf(three))
    const last = (json(await desk.cli(...ask, three.login, '--json')) as { commands: string[] }).commands
    const lastLine = execFileSync('sh', ['-e', '-c', last.join('\n')], { cwd: place, encoding: 'utf8' })
    assert.match(await say(three, lastLine.trimEnd().split('\n').at(-1) ?? ''), /3 of 3 signatures; it can be signed/)
  })

  await t.test('one byte more, a file less or a file more stops the signing', async () => {
    writeFileSync(tgz, 'one!\n')
    const changed = await code(...sign)
    assert.deepEqual([changed.exit, changed.told.code, changed.told.files], [1, 'artifact-changed', ['node-1.0.0.tgz']])
    rmSync(tgz)
    assert.equal((await code(...sign)).told.code, 'artifact-missing')
    writeFileSync(tgz, 'one\n')
    writeFileSync(join(dist, 'more.exe'), 'x')
    assert.equal((await code(...sign)).told.code, 'artifact-extra')
    rmSync(join(dist, 'more.exe'))
    const sums = readFileSync(join(dist, 'SHA256SUMS'), 'utf8')
    writeFileSync(join(dist, 'SHA256SUMS'), sums.replace(/^./, 'f'))
    assert.equal((await code(...sign)).told.code, 'sums-differ')
    writeFileSync(join(dist, 'SHA256SUMS'), sums)
  })

  await t.test('an approved list under another tag, or of another revision, is not approved', async () => {
    const bytes = readFileSync(request, 'utf8')
    const other = join(folder, 'other.json')
    writeFileSync(other, bytes.replace('v1.0.0', 'v1.0.1'))
    const dir = ['--dir', dist, '--out', join(folder, 'none.json')]
    assert.equal((await code('release', 'sign', other, '--config', config, ...dir)).told.code, 'quorum-not-met')
    writeFileSync(other, bytes.replace(revision, '0'.repeat(40)))
    assert.equal((await code('release', 'sign', other, '--config', config, ...dir)).told.code, 'revision-not-matched')
    writeFileSync(other, bytes.replace('acme/node', 'acme/none'))
    assert.equal((await code('release', 'sign', other, '--config', config, ...dir)).told.code, 'not-governed')
    writeFileSync(other, `${bytes} `)
    assert.equal((await code('release', 'sign', other, '--config', config, ...dir)).told.code, 'request-not-canonical')
  })

  const file = join(dist, 'release.json')
  const envelope = join(folder, 'release.dsse.json')
  const done = await desk.cli(...sign, '--envelope', envelope)
  assert.equal(done.code, 0, done.stderr)
  assert.equal(
    (json({ ...done, stdout: readFileSync(envelope, 'utf8') }) as { payloadType: string }).payloadType,
    'application/vnd.in-toto+json',
  )
  const again = await code(...sign, '--out', join(folder, 'again.json'))
  assert.deepEqual([again.exit, again.told.isRepeated], [0, true])
  const trust = join(folder, 'trust.json')
  assert.equal((await desk.cli('trust', 'export', '--config', config, '--out', trust)).code, 0)
  const audited = await desk.cli('verify', 'log', `${url}/log/decisions`, '--trust', trust)
  assert.equal(audited.code, 0, audited.stdout + audited.stderr)

  await t.test(
    'a machine with the files and the trust file alone says that they are good, or what is wrong',
    async (u) => {
      const there = scratch(u)
      for (const name of ['node-1.0.0.tgz', 'node-1.0.0.zip', 'SHA256SUMS', 'release.json'])
        copyFileSync(join(dist, name), join(there, name))
      const whom = join(scratch(u), 'trust.json')
      copyFileSync(trust, whom)
      assert.match(sha256sumCheck(there), /tgz: OK/)
      const verify = async (...args: string[]) => {
        const finished = await run(['release', 'verify', ...args, '--json'], { cwd: there })
        const report = json(finished) as ReleaseReport
        const fault = report.checks.find(({ outcome }) => outcome === 'fail')
        return [finished.code, report.verdict, fault?.code ?? null, fault?.detail ?? null]
      }
      assert.deepEqual(await verify('release.json', '--trust', whom, '--dir', '.'), [0, 'good', null, null])
      assert.deepEqual(await verify('release.json', '--trust', whom), [1, 'consistent', null, null])
      assert.deepEqual(await verify('release.json', '--dir', '.'), [1, 'untrusted', null, null])
      const said = await run(['release', 'verify', 'release.json', '--trust', whom, '--dir', '.'], { cwd: there })
      assert.match(said.stdout, /^pass +quorum$/m)
      assert.match(said.stdout, /acme\/node v1\.0\.0 of [0-9a-f]{40}: 2 artefacts, 3 approvers/)

      writeFileSync(join(there, 'node-1.0.0.zip'), 'twO\n')
      assert.deepEqual(await verify('release.json', '--trust', whom, '--dir', '.'), [
        1,
        'invalid',
        'artifact-changed',
        'node-1.0.0.zip',
      ])
      writeFileSync(join(there, 'node-1.0.0.zip'), 'two\n')
      writeFileSync(join(there, 'more'), '')
      assert.deepEqual(await verify('release.json', '--trust', whom, '--dir', '.'), [
        1,
        'invalid',
        'artifact-extra',
        'more',
      ])
      const text = readFileSync(file, 'utf8')
      writeFileSync(join(there, 'release.json'), text.replaceAll('"tag":"v1.0.0"', '"tag":"v9.0.0"'))
      const [exit, verdict, code] = await verify('release.json', '--trust', whom)
      assert.deepEqual([exit, verdict], [1, 'invalid'])
      assert.match(String(code), /^inclusion-/)
      assert.equal((await run(['release', 'verify', 'none', '--trust', whom], { cwd: there })).code, 2)
    },
  )
})
