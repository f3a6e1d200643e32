import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  ed25519PublicKey,
  formatVerifierKey,
  formatWitnessKey,
  noteVerifierKey,
  sha256,
  witnessKey,
} from '../core/index.ts'
import { parseConfig, parseWitnessConfig } from './load-config.ts'
import { renderConfig } from './render-config.ts'
import { renderWitnessConfig } from './render-witness-config.ts'

const pointOf = (text: string): Uint8Array => ed25519PublicKey(sha256(new TextEncoder().encode(text)))
const logKey = formatVerifierKey(noteVerifierKey('other.example.org/decisions', pointOf('log')))
const witness = (name: string): string =>
  `witness ${name} ${formatWitnessKey(witnessKey(`w.example/${name}`, pointOf(name)))}`
const policy = `${witness('w1')} https://w1.example.net\n${witness('w2')}\ngroup g 1 w1 w2\nquorum g\n`
const base = renderConfig({
  listen: '127.0.0.1:8080',
  publicUrl: 'https://gov.example.org',
  origin: 'gov.example.org/decisions',
  apiUrl: 'https://api.github.com',
  appId: 1,
  privateKey: 'app',
  webhookSecret: 'hook',
  repository: 'acme/governance',
  branch: 'main',
  genesis: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
  directory: '/var/lib/governance',
})
const withTable = (lines: string) => parseConfig(`${base}\n[log.witness]\n${lines}`, {})
const problemsOf = (lines: string): readonly string[] => {
  const loaded = withTable(lines)
  return loaded.ok ? [] : loaded.problems.map(({ path, message }) => `${path} ${message}`)
}
const quoted = JSON.stringify(policy)

test('the quorum of a deployment: policy as text or in a file, addresses from both places, green asked for in so many words', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'governance-witnessing-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'policy')
  writeFileSync(file, policy)
  for (const source of [`policy = ${quoted}`, `policy_file = ${JSON.stringify(file)}`]) {
    const loaded = withTable(`${source}\nrequired_for_green = true\nurls = { w2 = "https://w2.example.net/" }\n`)
    assert.ok(loaded.ok, JSON.stringify(loaded))
    assert.deepEqual(loaded.config.log.witness, {
      quorum: {
        policy,
        urls: { w1: 'https://w1.example.net', w2: 'https://w2.example.net' },
        requiredForGreen: true,
        deadlineMs: 5_000,
      },
      serve: null,
    })
  }
})

test('a witness inside the server needs no quorum of its own', () => {
  const loaded = withTable(
    `[log.witness.serve]\nname = "gov.example.org/witness"\nlisten = "127.0.0.1:8091"\nlogs = [${JSON.stringify(logKey)}]\n`,
  )
  assert.ok(loaded.ok)
  const serve = { name: 'gov.example.org/witness', listen: { host: '127.0.0.1', port: 8091 }, logs: [logKey] }
  assert.deepEqual(loaded.config.log.witness, { quorum: null, serve })
})

test('what cannot work is refused with its place', () => {
  const green = 'required_for_green = false\n'
  const cases: readonly [string, string][] = [
    [`policy = ${quoted}\n`, 'log.witness.required_for_green is missing'],
    [green, 'log.witness.policy is missing'],
    [`policy = ${quoted}\npolicy_file = "/x"\n${green}`, 'log.witness.policy stands beside policy_file'],
    [`policy_file = "/nowhere/at/all"\n${green}`, 'log.witness.policy_file cannot be read'],
    [`policy = "quorum w1\\n"\n${green}`, 'log.witness.policy is no witness policy: line 1, policy-name-unknown'],
    [
      `policy = ${quoted}\nurls = { w9 = "https://x.example" }\n${green}`,
      'log.witness.urls.w9 is no witness of the policy',
    ],
    [
      `policy = ${JSON.stringify(`${witness('w2')}\nquorum w2\n`)}\n${green}`,
      'log.witness.urls lacks witnesses that the quorum needs',
    ],
    [`policy = ${quoted}\nurls = { w1 = "http://x.example" }\n${green}`, 'log.witness.urls.w1 is not an https address'],
    [
      '[log.witness.serve]\nname = "a b"\nlisten = "127.0.0.1:1"\nlogs = ["x"]\n',
      'log.witness.serve.name cannot name a witness',
    ],
  ]
  for (const [lines, expected] of cases)
    assert.ok(problemsOf(lines).includes(expected), `${lines}: ${problemsOf(lines)}`)
})

test('what witness init writes is read back to the same values', () => {
  const serve = { name: 'w.example/"1', listen: { host: '::1', port: 8090 }, logs: [logKey] }
  const loaded = parseWitnessConfig(renderWitnessConfig(serve, '/var/lib/w'), {
    GOVERNANCE_UNLOCK_KEY_FILE: '/run/key',
  })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  assert.deepEqual(loaded.config, {
    witness: serve,
    data: { directory: '/var/lib/w' },
    unlock: { keyFile: '/run/key' },
  })
})
