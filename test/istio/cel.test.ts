import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Expression, problemsOf, readExpression } from '../../src/istio/cel.ts'
import { WILDCARD_HOSTS } from '../../src/istio/mesh-config/expression.ts'

function read(text: string): Expression {
  const expression = readExpression(text)
  assert.ok(!('wrong' in expression), JSON.stringify(expression))
  return expression
}

test('every attribute that an expression asks for is found once, by its first two names', () => {
  const cases: [string, string[]][] = [
    [WILDCARD_HOSTS, ['xds.cluster_name', 'connection.requested_server_name']],
    ["connection['requested_server_name'] == 'a'", ['connection.requested_server_name']],
    ['has(request.host)', ['request.host']],
    ["request.headers['x-a'] == request.headers['x-b']", ['request.headers']],
    ["filter_state[xds.route_name] == 'x'", ['filter_state', 'xds.route_name']],
    ["xds.node.metadata['NAMESPACE'] in ['a', connection.id]", ['xds.node', 'connection.id']],
    ['response.code >= 400 ? true : connection.mtls', ['response.code', 'connection.mtls']],
    ['["a"].exists(l, l == request.path)', ['request.path']],
    ["'plain' != ''", []],
  ]
  for (const [text, attributes] of cases) assert.deepEqual(read(text).attributes, attributes, text)
})

test('what is no CEL is refused with a reason in one line', () => {
  for (const text of ['', 'a b', 'x ==', "xds.contains('|*.'", "a == 'b"]) {
    const expression = readExpression(text)
    assert.ok('wrong' in expression, text)
    assert.match(expression.wrong, /^[^\n]+$/)
  }
})

const CONNECTION = { cluster: 'outbound|443||*.x.test', serverName: 'a.x.test', port: 443 }

test('a connection is logged as Envoy decides: an error or a missing attribute is no', () => {
  const cases: [string, boolean | undefined][] = [
    [WILDCARD_HOSTS, true],
    ["connection.requested_server_name.endsWith('.x.test')", true],
    ["xds.cluster_name == 'PassthroughCluster'", false],
    ["xds.clustername.contains('|*.')", false],
    // The true side of || and the false side of && absorb the error of the other (CEL).
    ["xds.nope == 'a' || destination.port == 443", true],
    ["xds.nope == 'a' && destination.port == 443", false],
    ['has(request.host)', false],
    ['xds.cluster_name', false],
    // Not in the sample: no answer rather than a wrong one.
    ['connection.mtls', undefined],
  ]
  for (const [text, logged] of cases) assert.equal(read(text).logs(CONNECTION), logged, text)
  assert.equal(read('has(request.host)').logs({ ...CONNECTION, authority: 'a' }), true)
})

test('attributes that do not exist, or not on TCP, are problems with a suggestion', () => {
  assert.deepEqual(
    problemsOf("xds.cluster == 'a'", 'tcp').map(({ code }) => code),
    ['cel-attribute'],
  )
  assert.deepEqual(problemsOf('connection.requested_server_nam == ""', undefined), [
    {
      code: 'cel-attribute',
      wrong:
        'asks for connection.requested_server_nam, which Envoy does not have: the filter is false and nothing is logged',
      fix: 'did you mean connection.requested_server_name?',
    },
  ])
  const http = "request.host == 'a' && response.code == 200"
  assert.equal(problemsOf(http, 'tcp').length, 2)
  assert.deepEqual(problemsOf(http, 'http'), [])
  assert.deepEqual(problemsOf('request.size > 0 && request.total_size > 0', 'tcp'), [])
  assert.deepEqual(problemsOf("filter_state['any.thing'] != ''", 'tcp'), [])
})
