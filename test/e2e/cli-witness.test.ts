import assert from 'node:assert/strict'
import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { quorumTime } from '../../src/core/index.ts'
import { setDesk, until } from './cli-deployment.ts'
import { json, run, start } from './cli-process.ts'

/** Starts `governance witness serve`; resolves with its address. */
async function serveWitness(t: TestContext, config: string, unlock: string) {
  const child = start(['witness', 'serve', '--config', config], { env: { GOVERNANCE_UNLOCK_KEY_FILE: unlock } })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  const url = await new Promise<string | null>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const match = /listens on (http:\S+)/.exec(said)
      if (match?.[1] !== undefined) resolve(match[1])
    })
    child.once('close', () => resolve(null))
  })
  assert.ok(url !== null, `the witness ended: ${said}`)
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    return ended
  }
  return { url, stop }
}

/** Makes a witness apart from the deployment, which watches its log, and starts it. */
async function watchFromOutside(t: TestContext, desk: Awaited<ReturnType<typeof setDesk>>) {
  const shown = json(await desk.cli('log', 'key', 'show', '--config', desk.config, '--json')) as { key: string }
  const unlock = join(desk.folder, 'witness.unlock')
  const config = join(desk.folder, 'witness.toml')
  const env = { GOVERNANCE_UNLOCK_KEY_FILE: unlock }
  const init = ['witness', 'init', '--config', config, '--data-dir', join(desk.folder, 'witness')]
  const given = [...init, '--name', 'witness.example.net/w1', '--log', shown.key, '--listen', '127.0.0.1:0', '--json']
  const { key } = json(await run(given, { env })) as { key: string }
  return { key, given, config, env, witness: await serveWitness(t, config, unlock) }
}

test('T47 a data directory that was rolled back does not start: its witness knows a newer head; the newest one does', async (t) => {
  const desk = await setDesk(t)
  const made = await desk.cli(...desk.initArgs())
  assert.equal(made.code, 0, made.stderr)
  const { key, given, config, env, witness } = await watchFromOutside(t, desk)
  assert.equal(statSync(env.GOVERNANCE_UNLOCK_KEY_FILE).mode & 0o777, 0o600)
  assert.equal((json(await run(given, { env })) as { code: string }).code, 'exists')

  const policy = join(desk.folder, 'witness.policy')
  writeFileSync(policy, `witness w1 ${key} ${witness.url}\nquorum w1\n`)
  appendFileSync(desk.config, `\n[log.witness]\npolicy_file = ${JSON.stringify(policy)}\nrequired_for_green = true\n`)
  const statusArgs = ['log', 'status', '--config', desk.config, '--json']
  const status = async () => {
    const told = await desk.cli(...statusArgs)
    return {
      code: told.code,
      ...(json(told) as {
        witnessed: boolean
        missing: string[]
        published: number | null
        witnesses: { name: string; cosigned: boolean; at: string | null }[]
      }),
    }
  }
  assert.deepEqual(
    await status().then(({ code, witnessed, missing, published }) => [code, witnessed, missing, published]),
    [1, false, ['w1'], null],
  )

  const snapshot = join(desk.folder, 'snapshot')
  cpSync(desk.dataDirectory, snapshot, { recursive: true })
  const enrol = ['repo', 'enrol', 'acme/node', '--config', desk.config, '--apply']
  const enrolled = await desk.cli(...enrol, '--admin-token-file', join(desk.folder, 'admin-token'))
  assert.equal(enrolled.code, 0, enrolled.stderr)
  const server = await desk.serve()
  await until(async () => (await status()).witnessed)
  assert.deepEqual(await status().then(({ code, witnessed, missing }) => [code, witnessed, missing]), [0, true, []])
  const [w1] = (await status()).witnesses
  assert.deepEqual([w1?.name, w1?.cosigned], ['w1', true])
  assert.ok(Math.abs(Date.parse(w1?.at ?? '') - Date.now()) < 600_000)
  const heads = json(await run(['witness', 'status', '--config', config, '--json'], { env })) as {
    key: string
    logs: { origin: string; size: number }[]
  }
  assert.deepEqual([heads.key, heads.logs[0]?.origin], [key, 'gov.example.org/decisions'])

  const trust = await desk.cli('trust', 'export', '--config', desk.config)
  const { witnessPolicy } = json(trust) as { witnessPolicy: string }
  assert.equal(witnessPolicy, readFileSync(policy, 'utf8'))
  const shownHead = await (await fetch(`${desk.url}/log/decisions/checkpoint`)).text()
  assert.notEqual(quorumTime(shownHead, witnessPolicy), null)
  assert.equal(await server.stop(), 0)
  const kept = join(desk.folder, 'kept')
  cpSync(desk.dataDirectory, kept, { recursive: true })
  // Database, tiles and checkpoint go back together, as a snapshot of the machine does it.
  rmSync(desk.dataDirectory, { recursive: true })
  cpSync(snapshot, desk.dataDirectory, { recursive: true })
  const size = async (): Promise<unknown> => (json(await desk.cli(...statusArgs)) as { size: number }).size
  const before = await size()
  const refused = await desk.cli('serve', '--config', desk.config)
  assert.deepEqual([refused.code, refused.stderr.includes('(log-ahead)')], [1, true])
  // The refusal itself is signed nowhere either, in neither log.
  assert.equal(await size(), before)
  const events = json(await desk.cli('audit', 'list', '--config', desk.config, '--json')) as {
    readonly index: number | null
    readonly eventType: string
    readonly details: { readonly known?: number }
  }[]
  assert.ok(events.every(({ eventType }) => eventType !== 'server-refused'))
  // It waits outside of both, where it can be seen.
  const refusals = events.filter(({ eventType }) => eventType === 'log-signing-refused')
  assert.deepEqual(
    refusals.map(({ index, details }) => [index, Number(details.known) >= Number(heads.logs[0]?.size)]),
    [[null, true]],
  )
  rmSync(desk.dataDirectory, { recursive: true })
  cpSync(kept, desk.dataDirectory, { recursive: true })
  const again = await desk.serve()
  assert.equal(await again.stop(), 0)
  assert.equal(await witness.stop(), 0)
})

test('the witness inside a server has its own key, made once, and nothing of it is printed but the public part', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const ask = ['witness', 'key', '--config', desk.config, '--name', 'gov.example.org/witness']
  const first = json(await desk.cli(...ask, '--json')) as { key: string; made: boolean }
  const second = json(await desk.cli(...ask, '--json')) as { key: string; made: boolean }
  assert.deepEqual([first.made, second.made, first.key === second.key], [true, false, true])
  assert.equal((await desk.cli('witness', 'key', '--config', desk.config, '--name', 'a b')).code, 64)
})

test('a trust file never counts the witness of its own deployment: it is left out, or the quorum that needs it is refused', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const named = ['witness', 'key', '--config', desk.config, '--name', 'gov.example.org/witness', '--json']
  const { key: own } = json(await desk.cli(...named)) as { key: string }
  const { key: w1, witness } = await watchFromOutside(t, desk)
  const policy = join(desk.folder, 'witness.policy')
  appendFileSync(desk.config, `\n[log.witness]\npolicy_file = ${JSON.stringify(policy)}\nrequired_for_green = false\n`)
  const known = `witness own ${own} https://own.example.org\nwitness w1 ${w1} ${witness.url}\n`
  const out = join(desk.folder, 'trust.json')
  const refusals = ['quorum own\n', 'group g all own w1\nquorum g\n']
  for (const rest of refusals) {
    writeFileSync(policy, `${known}${rest}`)
    for (const command of [
      ['log', 'status'],
      ['trust', 'export', '--out', out],
    ]) {
      const refused = await desk.cli(...command, '--config', desk.config, '--json')
      assert.equal((json(refused) as { code: string }).code, 'config-invalid', `${command.join(' ')} ${rest}`)
    }
    assert.equal(existsSync(out), false)
  }
  writeFileSync(policy, `${known}group g 1 own w1\nquorum g\n`)
  const exported = await desk.cli('trust', 'export', '--out', out, '--config', desk.config, '--json')
  assert.equal(exported.code, 0, exported.stdout)
  assert.deepEqual((json(exported) as { leftOut: string[] }).leftOut, ['own'])
  assert.match(exported.stderr, /left out witness own/)
  const { witnessPolicy } = JSON.parse(readFileSync(out, 'utf8')) as { witnessPolicy: string }
  assert.equal(witnessPolicy.includes(own), false)
  assert.ok(witnessPolicy.endsWith('group g 1 w1\nquorum g\n'))
})
