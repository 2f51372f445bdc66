import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AllowedHosts } from '../../src/http/allowed-hosts.ts'

const POD = {
  hostname: 'snimeter-0',
  search: ['metering.svc.corp.example', 'svc.corp.example', 'corp.example'],
}

test('addresses and names of the network inside are allowed, with or without a port', () => {
  const hosts = new AllowedHosts([], POD)
  for (const host of [
    undefined,
    '',
    '127.0.0.1:9002',
    '10.1.2.3',
    '[::1]:9002',
    '[fd00::12]',
    'localhost:9002',
    'LOCALHOST.',
    'app.localhost:8080',
    'snimeter',
    'snimeter:9002',
    'snimeter-0:9002',
    'snimeter.metering:9002',
    'snimeter.metering.svc',
    'snimeter.metering.svc.cluster.local:9002',
    'snimeter-0.snimeter.other.svc.corp.example.',
    'node-7.corp.example',
    'host.docker.internal:9002',
    'nas.local',
  ]) {
    assert.ok(hosts.allows(host), String(host))
  }
})

test('names that anybody can point to an address are refused', () => {
  const hosts = new AllowedHosts([], POD)
  for (const host of [
    'attacker.example',
    'attacker.example:9002',
    '127.0.0.1.attacker.example',
    '127.0.0.1.nip.io:9002',
    'snimeter.metering.attacker.example',
    'snimeter.metering.svc.cluster.local.attacker.example',
    'localhost.attacker.example',
    'svc.attacker.example',
    'attackercorp.example',
    'corp.example.attacker.com',
    '[attacker.example]',
    'attacker.example:80:80',
    ' attacker.example',
  ]) {
    assert.ok(!hosts.allows(host), host)
  }
})

test('what is configured is allowed: a name, all names below one, or every name', () => {
  const hosts = new AllowedHosts(['Snimeter.Example', '*.ops.example'], POD)
  assert.ok(hosts.allows('snimeter.example:443'))
  assert.ok(hosts.allows('a.b.ops.example'))
  assert.ok(!hosts.allows('ops.example'))
  assert.ok(!hosts.allows('x.snimeter.example'))
  assert.ok(!hosts.allows('xops.example'))
  assert.ok(new AllowedHosts(['*'], POD).allows('attacker.example'))
})
