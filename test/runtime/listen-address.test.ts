import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, parseListenAddress } from '../../src/runtime/listen-address.ts'

test('host and port are read, IPv6 in brackets, and written back the same', () => {
  for (const [text, host, port] of [
    ['127.0.0.1:9001', '127.0.0.1', 9001],
    ['localhost:0', 'localhost', 0],
    ['[::1]:65535', '::1', 65_535],
    ['[::]:9001', '::', 9001],
  ] as const) {
    const address = parseListenAddress(text)
    assert.deepEqual(address, { host, port })
    assert.equal(formatAddress(address), text)
  }
})

test('a port alone means all interfaces', () => {
  const { host, port } = parseListenAddress(':9001')
  assert.ok(host === '::' || host === '0.0.0.0')
  assert.equal(port, 9001)
})

test('anything else is refused with what is wrong', () => {
  for (const [text, wrong] of [
    ['9001', 'is not host:port'],
    ['host', 'is not host:port'],
    ['host:', 'is not host:port'],
    ['::1:9001', 'is not host:port'],
    ['http://host:1', 'is not host:port'],
    ['[host]:1', 'has no IPv6 address in []'],
    ['host:65536', 'has a port above 65535'],
    ['host:-1', 'is not host:port'],
  ] as const) {
    assert.throws(() => parseListenAddress(text), {
      code: 'bad_listen_address',
      message: `the address "${text}" ${wrong}; use host:port, like 127.0.0.1:9001, [::1]:9001 or :9001`,
    })
  }
})
