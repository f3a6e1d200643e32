import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commandAllows, parseCommand } from './command.ts'

const payload = Buffer.from('{"a":1}').toString('base64url')
const signature = Buffer.alloc(64, 7)
const base64 = signature.toString('base64')

const codeOf = (body: string): string => {
  const parsed = parseCommand(body)
  return parsed.kind === 'malformed' ? parsed.code : parsed.kind
}

test('a signed command carries payload, signature and reasoning', () => {
  assert.deepEqual(parseCommand(`/governance-sign ${payload} ${base64} "looks good"\nthanks`), {
    kind: 'command',
    name: 'sign',
    payload: Uint8Array.from(Buffer.from('{"a":1}')),
    signature: Uint8Array.from(signature),
    reasoning: 'looks good',
  })
})

test('a signature is read as base64, base64url or hex, alone or after its statement', () => {
  const der = Buffer.from(`3046022100${'fe'.repeat(32)}022100${'fd'.repeat(32)}`, 'hex')
  for (const bytes of [signature, der]) {
    for (const text of [
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
    ]) {
      for (const name of ['sign', 'veto', 'attest', 'withdraw', 'tier', 'suspend']) {
        const alone = parseCommand(`/governance-${name} ${text}`)
        assert.ok(alone.kind === 'command' && 'signature' in alone && alone.payload === null)
        assert.deepEqual(alone.signature, Uint8Array.from(bytes))
        assert.equal(parseCommand(`/governance-${name}  ${payload}\t${text}\r\n`).kind, 'command')
      }
    }
  }
})

test('T08 a command that is quoted, indented, in code, or not first is no command', () => {
  for (const body of [
    '> /governance-status',
    ' /governance-status',
    '    /governance-status',
    '\n/governance-status',
    '```\n/governance-status\n```',
    '`/governance-status`',
    'please\n/governance-status',
    '<!-- -->/governance-status',
    '/Governance-status',
    '\u200b/governance-status',
    '',
  ]) {
    assert.equal(codeOf(body), 'none', JSON.stringify(body))
  }
})

test('T08 a second command refuses the comment, unless it is quoted or in code', () => {
  assert.equal(codeOf('/governance-status\n/governance-help'), 'second-command')
  assert.equal(codeOf('/governance-status\r/governance-help'), 'second-command')
  assert.equal(codeOf('/governance-status\n```\n/governance-help\n```\n/governance-help'), 'second-command')
  assert.equal(codeOf('/governance-status\n```\n/governance-help\n~~~\n```'), 'command')
  assert.equal(codeOf('/governance-status\n> /governance-help'), 'command')
})

test('what means to be a command and is none says why', () => {
  assert.equal(codeOf('/governance-merge'), 'unknown-command')
  assert.equal(codeOf('/governance-'), 'unknown-command')
  assert.equal(codeOf('/governance-statusnow'), 'unknown-command')
  assert.equal(codeOf('/governance-constructor'), 'unknown-command')
  assert.equal(codeOf('/governance-status now'), 'unexpected-argument')
  assert.equal(codeOf('/governance-veto'), 'statement-missing')
  assert.equal(codeOf('/governance-veto "bad idea"'), 'statement-missing')
  assert.equal(codeOf('/governance-tier 3 "consensus code"'), 'statement-missing')
  assert.equal(codeOf('/governance-tier security-critical "keys"'), 'statement-missing')
  assert.equal(codeOf(`/governance-sign ${payload} ${base64} extra`), 'unexpected-argument')
  assert.equal(codeOf(`/governance-sign ${payload} !!!!`), 'malformed-signature')
  assert.equal(codeOf(`/governance-sign ${payload} ${'A'.repeat(2000)}`), 'malformed-signature')
  assert.equal(codeOf(`/governance-sign ???? ${base64}`), 'malformed-payload')
  assert.equal(codeOf(`/governance-sign ${base64} ${base64}`), 'malformed-payload')
  assert.equal(codeOf(`/governance-sign e${'A'.repeat(50_000)} ${base64}`), 'malformed-payload')
  assert.equal(codeOf(`/governance-sign ${payload} ${base64} "open`), 'malformed-reasoning')
  assert.equal(codeOf(`/governance-sign ${payload} ${base64} "${'x'.repeat(2001)}"`), 'malformed-reasoning')
  assert.equal(codeOf(`/governance-status\n${'x'.repeat(66_000)}`), 'comment-too-long')
})

test('a command’s name goes with what its statement decides', () => {
  assert.equal(commandAllows('sign', 'approve'), true)
  assert.equal(commandAllows('sign', 'veto'), false)
  assert.equal(commandAllows('tier', 'remove-tier'), true)
  assert.equal(commandAllows('suspend', 'lift'), true)
})

test('any comment is read in linear time and without a throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => codeOf(`/governance-sign ${text}`).length > 0))
  const started = process.hrtime.bigint()
  for (const unit of ['\n', '`', '/governance-x\n', ' ', '"']) {
    parseCommand(`/governance-sign ${unit.repeat(65_000 / unit.length)}`)
  }
  assert.ok(process.hrtime.bigint() - started < 500_000_000n)
})
