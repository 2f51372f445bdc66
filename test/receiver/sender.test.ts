import assert from 'node:assert/strict'
import { test } from 'node:test'
import { senderOf } from '../../src/receiver/sender.ts'

test('a sender is known by its IPv4 address, without the port', () => {
  assert.deepEqual(senderOf('10.1.2.3:40112'), { address: '10.1.2.3:40112', key: '10.1.2.3' })
  assert.equal(senderOf('::ffff:10.1.2.3:40112').key, '10.1.2.3')
  assert.equal(senderOf('[::ffff:10.1.2.3]:40112').key, '10.1.2.3')
})

test('a sender is known by the /64 network of its IPv6 address', () => {
  const key = '2001:db8:0:1::/64'
  assert.equal(senderOf('[2001:db8:0:1::5]:40112').key, key)
  assert.equal(senderOf('[2001:db8:0:1:9:8:7:6]:1').key, key)
  assert.equal(senderOf('[2001:DB8::1:0:0:0:5]:1').key, key)
  assert.equal(senderOf('[fe80::1%eth0]:1').key, 'fe80:0:0:0::/64')
  assert.equal(senderOf('[::1]:9001').key, '0:0:0:0::/64')
})

test('what is no address is known by its text', () => {
  assert.equal(senderOf('unknown').key, 'unknown')
})
