import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  account,
  day,
  facts,
  keyOf,
  keyring,
  nodeAcceleration,
  record,
  registry,
  registryKey,
} from '../../../test/fakes/governed-change.ts'
import { asLogIndex, type Instant } from '../ids.ts'
import type { RegistryKey } from '../policy/policy-v1.ts'
import { canSign, keyringDigest, keyStatus, personsOf } from './key-status.ts'
import type { Keyring } from './keyring.ts'
import { applyRegistry, emptyKeyring, KeyringError } from './registry.ts'
import { isLifted, lift, suspend, suspendersOf } from './suspension.ts'

const apply = (ring: Keyring, keys: readonly RegistryKey[], entry: number, at: Instant = day(10)) =>
  applyRegistry(ring, keys, asLogIndex(entry), at)
const withM1 = (changes: Partial<RegistryKey>) =>
  registry.map((key) => (key.login === 'm1' ? { ...key, ...changes } : key))
interface Asked {
  readonly set: string | null
  readonly key: string
  readonly signedAt: Instant
  readonly at: Instant
}
const status = (
  ring: Keyring,
  entry: number,
  { set = 'layer-4', key = 'm1', signedAt = day(2), at = day(100) }: Partial<Asked> = {},
) => keyStatus(ring, { account: account('m1'), keyid: keyOf(key).keyid, set, entry: asLogIndex(entry), signedAt }, at)
const refusal = (keys: readonly RegistryKey[], accounts = {}): string => {
  try {
    applyRegistry(emptyKeyring, keys, asLogIndex(0), day(0), accounts)
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof KeyringError)
    return error.code
  }
}

test('a registry makes persons, one per account, with their sets and keys', () => {
  assert.deepEqual(personsOf(keyring, 'layer-4'), ['m1', 'm2', 'm3', 'm4', 'm5'].map(account))
  const [person] = keyring.persons
  assert.deepEqual(person?.sets, ['layer-1-2', 'layer-4'])
  assert.equal(person?.keys.length, 1, 'the same key in two sets is one key')
  assert.deepEqual(apply(keyring, registry, 50), keyring, 'the same registry again changes nothing')
  assert.deepEqual(apply(keyring, [...registry].reverse(), 50), keyring)
})

test('what cannot be a registry is refused', () => {
  assert.equal(refusal([registryKey('layer-4', 'm1', { account: null })]), 'unresolved-account')
  assert.equal(refusal([registryKey('layer-4', 'm1', { account: null })], { m1: account('m1') }), 'ok')
  assert.equal(refusal([registryKey('layer-4', 'm1', { publicKey: 'ff' })]), 'malformed-key')
  const shared = registryKey('layer-5', 'm2', { publicKey: keyOf('m1').publicKey })
  assert.equal(refusal([registryKey('layer-4', 'm1'), shared]), 'two-persons-one-key')
})

test('a key is judged at its entry and now', () => {
  assert.equal(status(keyring, 10), 'active')
  assert.equal(status(keyring, 0), 'key-unknown', 'before it was enrolled')
  assert.equal(status(keyring, 10, { key: 'm2' }), 'key-unknown')
  assert.equal(status(keyring, 10, { set: 'layer-5' }), 'not-in-set')
  assert.equal(status(keyring, 10, { set: null }), 'active')
  const rotated = apply(keyring, withM1({ publicKey: keyOf('m1 new').publicKey }), 50)
  assert.equal(status(rotated, 10), 'active', 'rotation keeps what was signed')
  assert.equal(status(rotated, 50), 'key-removed', 'and ends what may be signed')
  assert.equal(status(rotated, 50, { key: 'm1 new' }), 'active')
  assert.equal(status(rotated, 49, { key: 'm1 new' }), 'key-unknown')
  const gone = apply(
    keyring,
    registry.filter(({ login }) => login !== 'm1'),
    50,
  )
  assert.equal(status(gone, 10), 'key-removed')
  assert.equal(status(gone, 10, { set: null }), 'key-removed')
})

test('a key that comes back is enrolled anew, and what happened before stays', () => {
  const gone = apply(
    keyring,
    registry.filter(({ login }) => login !== 'm1'),
    50,
  )
  const back = apply(gone, registry, 60)
  assert.equal(status(back, 55), 'key-removed')
  assert.equal(status(back, 60), 'active')
  assert.equal(status(back, 10), 'active')
  assert.equal(back.persons[0]?.keys.length, 2)
  const revoked = apply(gone, withM1({ revokedAt: day(20) }), 60)
  assert.equal(status(revoked, 10), 'key-revoked', 'put back as revoked, it is revoked for what it signed before too')
})

test('a registry that forgets a revocation does not undo it', () => {
  const revoked = apply(keyring, withM1({ revokedAt: day(20), compromisedSince: day(15) }), 50)
  const forgotten = apply(revoked, registry, 60)
  assert.equal(status(forgotten, 10), 'key-revoked')
  assert.equal(status(forgotten, 10, { signedAt: day(16) }), 'key-compromised')
  const moved = apply(revoked, [...registry, registryKey('layer-5', 'm1')], 60)
  assert.equal(status(moved, 60), 'key-revoked')
})

test('a key that is put into another set does not speak there for the past', () => {
  const moved = apply(keyring, [...registry, registryKey('layer-5', 'm1')], 50)
  assert.equal(status(moved, 10, { set: 'layer-5' }), 'not-in-set')
  assert.equal(status(moved, 50, { set: 'layer-5' }), 'active')
  assert.equal(status(moved, 10), 'active')
})

test('who can sign now has an active key and is not suspended', () => {
  const can = (ring: Keyring, at = day(100)) => canSign(ring, account('m1'), 'layer-4', at)
  assert.equal(can(keyring), true)
  assert.equal(can(apply(keyring, withM1({ expires: day(100) }), 50)), false)
  assert.equal(can(apply(keyring, withM1({ notBefore: day(101) }), 50)), false)
  assert.equal(can(apply(keyring, withM1({ revokedAt: day(100) }), 50)), false)
  assert.equal(can(suspend(keyring, account('m1'), { entry: asLogIndex(5), at: day(1), by: [account('m1')] })), false)
})

const change = facts()
const suspendBy = (login: string, target = 'm1') => record(change, login, 'suspend', { target })

test('a person is suspended by the own key, by two of a set, or by two keyholders, counted as persons', () => {
  const by = (...statements: ReturnType<typeof suspendBy>[]) =>
    suspendersOf(keyring, statements, account('m1'), day(100))
  assert.deepEqual(by(suspendBy('m1')), [account('m1')])
  assert.equal(by(suspendBy('m2')), null)
  const once = suspendBy('m2')
  assert.equal(by(once, { ...once, entry: asLogIndex(700) }), null, 'copies are one person')
  assert.deepEqual(by(suspendBy('m2'), suspendBy('m3')), [account('m2'), account('m3')])
  assert.deepEqual(by(suspendBy('e1'), suspendBy('e2')), [account('e1'), account('e2')])
  assert.equal(by(suspendBy('e1'), suspendBy('m2')), null, 'not two of one set')
  assert.equal(by(suspendBy('x1'), suspendBy('x2')), null, 'not of the person’s layer')
  assert.equal(by(suspendBy('m2', 'm4'), suspendBy('m3', 'm4')), null, 'about somebody else')
})

test('a suspension is lifted by its signers and one more, or by a registry that changes the person’s keys', () => {
  const moment = { entry: asLogIndex(5), at: day(1), by: [account('m3'), account('m2')] }
  const suspended = suspend(keyring, account('m1'), moment)
  assert.deepEqual(suspended.persons[0]?.suspension?.by, [account('m2'), account('m3')])
  const liftBy = (...logins: string[]) =>
    isLifted(
      suspended,
      logins.map((login) => record(change, login, 'lift', { target: 'm1' })),
      account('m1'),
      day(100),
    )
  assert.equal(liftBy('m2', 'm3'), false)
  assert.equal(liftBy('m2', 'm4', 'm5'), false)
  assert.equal(liftBy('m2', 'm3', 'm4'), true)
  assert.equal(liftBy('m2', 'm3', 'e1'), true)
  assert.equal(liftBy('m2', 'm3', 'x1'), false)
  assert.equal(lift(suspended, account('m1')).persons[0]?.suspension, null)
  assert.notEqual(apply(suspended, registry, 60).persons[0]?.suspension, null, 'a policy change about others')
  const rotated = apply(suspended, withM1({ publicKey: keyOf('m1 new').publicKey }), 60)
  assert.equal(rotated.persons[0]?.suspension, null)
})

test('the digest names the whole history', () => {
  const changed = apply(keyring, withM1({ revokedAt: day(20) }), 50)
  assert.notEqual(keyringDigest(changed), keyringDigest(keyring))
  assert.equal(keyringDigest(structuredClone(keyring), nodeAcceleration), keyringDigest(keyring))
})
