import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireBearer } from './bearer-token.ts'

const token = 'k3'.repeat(16)

test('one token is taken, in one form', () => {
  const isBearer = requireBearer(token)
  for (const good of [`Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`]) assert.ok(isBearer(good), good)
  const bad = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    token,
    `Bearer  ${token}`,
    `Bearer ${token} `,
    `Bearer ${token}x`,
    `Basic ${token}`,
  ]
  for (const other of bad) assert.equal(isBearer(other), false, other)
})

test('a token that can be guessed, or cannot be sent, is refused', () => {
  for (const weak of ['', 'short', 'a'.repeat(31), `${'a'.repeat(40)} b`, `${'ä'.repeat(40)}`])
    assert.throws(
      () => requireBearer(weak),
      (error: { code?: string }) => error.code === 'config-invalid',
    )
})
