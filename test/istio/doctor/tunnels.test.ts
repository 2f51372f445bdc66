import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnosed, objectsIn } from './findings.ts'

const TUNNEL = 'tunnel: { protocol: CONNECT, targetHost: bucket.example.com, targetPort: 443 }'
const PLACES: Readonly<Record<string, string>> = {
  'of the rule': `trafficPolicy: { ${TUNNEL} }`,
  'of a port': `trafficPolicy: { portLevelSettings: [{ port: { number: 3128 }, ${TUNNEL} }] }`,
  'of a subset': `subsets: [{ name: a }, { name: b, trafficPolicy: { ${TUNNEL} } }]`,
}

const tunnelNotes = (policy: string) =>
  diagnosed(
    objectsIn(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: through-proxy, namespace: egress }
spec: { host: proxy.example.com, ${policy} }
`),
  ).filter(({ code }) => code === 'tunnel')

for (const [place, policy] of Object.entries(PLACES)) {
  test(`a tunnel ${place} is a note that says what is billed`, () => {
    const [found, ...more] = tunnelNotes(policy)
    assert.deepEqual(more, [])
    assert.equal(found?.severity, 'note')
    assert.equal(found?.subject, 'DestinationRule egress/through-proxy')
    assert.match(found?.wrong ?? '', /bucket\.example\.com:443.*payload is billed.*server name/)
  })
}

test('a DestinationRule without a tunnel has no note', () => {
  assert.deepEqual(tunnelNotes('trafficPolicy: { connectionPool: {} }'), [])
})
