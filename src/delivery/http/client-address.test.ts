import assert from 'node:assert/strict'
import test from 'node:test'
import { clientGroup, createClientAddresses } from './client-address.ts'

test('T08b only what configured proxies appended is believed, read from the right', () => {
  const proxies = createClientAddresses(['10.0.0.0/8', '2001:db8:1::/48', '192.0.2.7'])
  const from = (peer: string, forwarded?: string): string => proxies.clientOf(peer, forwarded)
  assert.equal(from('203.0.113.5', '1.1.1.1'), '203.0.113.5')
  assert.equal(from('10.1.2.3'), '10.1.2.3')
  assert.equal(from('10.1.2.3', '1.1.1.1'), '1.1.1.1')
  assert.equal(from('10.1.2.3', '9.9.9.9, 1.1.1.1'), '1.1.1.1')
  assert.equal(from('10.1.2.3', '9.9.9.9, 1.1.1.1 , 192.0.2.7,10.9.9.9'), '1.1.1.1')
  assert.equal(from('::ffff:10.1.2.3', '::ffff:1.1.1.1'), '1.1.1.1')
  assert.equal(from('2001:db8:1::9', '2001:db8:2::1'), '2001:db8:2::1')
  assert.equal(from('10.1.2.3', '10.0.0.1, 10.0.0.2'), '10.0.0.1')
  for (const nonsense of ['', ' ', 'unknown', 'localhost', '1.1.1.1:80', '<script>', '1.1.1.1, unknown'])
    assert.equal(from('10.1.2.3', nonsense), '10.1.2.3', nonsense)
  assert.equal(proxies.isProxy('::ffff:192.0.2.7'), true)
  assert.equal(proxies.isProxy('192.0.2.8'), false)
  assert.equal(createClientAddresses([]).clientOf('127.0.0.1', '1.1.1.1'), '127.0.0.1')
  assert.equal(createClientAddresses([]).isProxy('127.0.0.1'), false)
})

test('a network of IPv6 addresses counts as one client', () => {
  const group = clientGroup('2001:db8:1:2::1')
  assert.equal(clientGroup('2001:0db8:0001:0002:ffff:1:2:3'), group)
  assert.notEqual(clientGroup('2001:db8:1:3::1'), group)
  assert.equal(clientGroup('::1'), clientGroup('0:0:0:0:1::'))
  assert.equal(clientGroup('203.0.113.9'), '203.0.113.9')
})
