import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  envoyMinorOf,
  namelessScopeOf,
  readIdentifier,
  scopeOf,
} from '../../src/attribution/node-identity.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'
import { captureMessages, DecoderFixture } from '../decoder/decoded-samples.ts'
import { type EnvoyMessage, encodeWithSchema } from '../decoder/envoy-schema.ts'
import { delimitedField, textField } from '../helpers/entry-writer.ts'

type Metadata = Record<string, string | Record<string, string>>

const ID = 'sidecar~10.1.2.3~ping-ff5ff68d6-xfwhc.shop~shop.svc.cluster.local'
const OWNER = 'kubernetes://apis/apps/v1/namespaces/shop/deployments/ping'

function structOf(values: Metadata): object {
  const fields = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === 'string' ? { stringValue: value } : { structValue: structOf(value) },
  ])
  return { fields: Object.fromEntries(fields) }
}

/** The identifier of a message, as its bytes. */
function identifierOf(message: Uint8Array): Uint8Array {
  const [start, end] = new DecoderFixture().decode(message).identifier
  return message.subarray(start, end)
}

function identify(node: Record<string, unknown>, metadata: Metadata = {}, log_name = 'egress') {
  const message: EnvoyMessage = {
    identifier: { log_name, node: { ...node, metadata: structOf(metadata) } },
  }
  const identity = readIdentifier(identifierOf(encodeWithSchema(message)))
  assert.ok(identity)
  return identity
}

const workload = (node: Record<string, unknown>, metadata: Metadata = {}) =>
  identify(node, metadata).node.workload

describe('the workload of a node', () => {
  it('comes from its metadata', () => {
    const { node } = identify(
      { id: ID, cluster: 'ping.shop' },
      {
        NAME: 'ping-ff5ff68d6-xfwhc',
        NAMESPACE: 'shop',
        WORKLOAD_NAME: 'ping',
        OWNER,
        CLUSTER_ID: 'Kubernetes',
        SERVICE_ACCOUNT: 'ping-account',
      },
    )
    assert.deepEqual(node, {
      id: ID,
      pod: 'ping-ff5ff68d6-xfwhc',
      proxyType: 'sidecar',
      serviceAccount: 'ping-account',
      envoyVersion: '',
      workload: { cluster: 'Kubernetes', namespace: 'shop', kind: 'Deployment', name: 'ping' },
    })
  })

  it('has the kind of its owner', () => {
    const kindOf = (plural: string) =>
      workload({ id: ID }, { OWNER: `kubernetes://apis/x/v1/namespaces/shop/${plural}/a` }).kind
    assert.equal(kindOf('deployments'), 'Deployment')
    assert.equal(kindOf('statefulsets'), 'StatefulSet')
    assert.equal(kindOf('daemonsets'), 'DaemonSet')
    assert.equal(kindOf('jobs'), 'Job')
    assert.equal(kindOf('cronjobs'), 'CronJob')
    assert.equal(kindOf('replicasets'), 'ReplicaSet')
    assert.equal(kindOf('rollouts'), 'Rollout')
    assert.equal(kindOf('constructor'), 'Constructor')
    assert.equal(kindOf('__proto__'), '~__proto__')
  })

  it('of a pod without an owner of its own is the pod', () => {
    const owner = 'kubernetes://apis/v1/namespaces/shop/pods/bare'
    assert.deepEqual(workload({ id: ID }, { OWNER: owner }), {
      cluster: '',
      namespace: 'shop',
      kind: 'Pod',
      name: 'bare',
    })
  })

  it('falls back: workload name, owner, canonical name, pod, cluster, id', () => {
    const name = (node: Record<string, unknown>, metadata: Metadata) => {
      const { kind, name } = workload(node, metadata)
      return `${kind} ${name}`
    }
    const labels = {
      app: 'c',
      'app.kubernetes.io/name': 'b',
      'service.istio.io/canonical-name': 'a',
    }
    assert.equal(name({ id: ID }, { WORKLOAD_NAME: 'w', OWNER, LABELS: labels }), 'Deployment w')
    assert.equal(name({ id: ID }, { OWNER, LABELS: labels }), 'Deployment ping')
    assert.equal(name({ id: ID }, { WORKLOAD_NAME: 'vm', LABELS: labels }), 'Workload vm')
    assert.equal(name({ id: ID }, { LABELS: labels }), 'Workload a')
    assert.equal(
      name({ id: ID }, { LABELS: { app: 'c', 'app.kubernetes.io/name': 'b' } }),
      'Workload b',
    )
    assert.equal(name({ id: ID }, { LABELS: { app: 'c' } }), 'Workload c')
    assert.equal(name({ id: ID }, { NAME: 'pod-1' }), 'Pod pod-1')
    assert.equal(name({ id: ID }, {}), 'Pod ping-ff5ff68d6-xfwhc')
    assert.equal(name({ id: 'envoy-7', cluster: 'edge' }, {}), 'Node edge')
    assert.equal(name({ id: 'envoy-7' }, {}), 'Node envoy-7')
  })

  it('has the namespace of the metadata, else of the owner, else of the id', () => {
    assert.equal(workload({ id: ID }, { NAMESPACE: 'n', OWNER }).namespace, 'n')
    const elsewhere = OWNER.replace('shop', 'other')
    assert.equal(workload({ id: ID }, { OWNER: elsewhere }).namespace, 'other')
    assert.equal(workload({ id: ID }).namespace, 'shop')
    assert.equal(workload({ id: 'envoy-7' }).namespace, '')
  })

  it('is the unknown source if the node does not say who it is', () => {
    assert.equal(identify({}).node, UNKNOWN_NODE)
    assert.equal(identify({}, { ANNOTATIONS: { app: 'x' }, MESH_ID: 'm' }).node, UNKNOWN_NODE)
    assert.equal(readIdentifier(new Uint8Array(0))?.node, UNKNOWN_NODE)
  })

  it('is named by whatever the node says of itself, if it has no id', () => {
    const named = (node: Record<string, unknown>, metadata: Metadata) => {
      const { cluster, namespace, kind, name } = workload(node, metadata)
      return [cluster, namespace, kind, name].join(' ')
    }
    assert.equal(named({ cluster: 'edge' }, {}), '  Node edge')
    assert.equal(named({}, { LABELS: { app: 'cart' }, NAMESPACE: 'shop' }), ' shop Workload cart')
    assert.equal(named({}, { OWNER }), ' shop Deployment ping')
    assert.equal(
      named({}, { CLUSTER_ID: 'c', NAMESPACE: 'shop' }),
      `c shop unknown ${UNKNOWN_NODE.workload.name}`,
    )
  })

  it('is never one of our own names, in any field and however it is written', () => {
    const { node } = identify(
      { id: '__unknown__', user_agent_version: '__v' },
      {
        NAME: '__invalid__',
        NAMESPACE: '__other__',
        WORKLOAD_NAME: '__unknown__',
        CLUSTER_ID: '__c',
        SERVICE_ACCOUNT: '__sa',
        OWNER: 'kubernetes://apis/x/v1/namespaces/n/__other__s/a',
      },
    )
    assert.deepEqual(node, {
      id: '~__unknown__',
      pod: '~__invalid__',
      proxyType: 'unknown',
      serviceAccount: '~__sa',
      envoyVersion: '~__v',
      workload: {
        cluster: '~__c',
        namespace: '~__other__',
        kind: '~__other__',
        name: '~__unknown__',
      },
    })
    const named = (metadata: Metadata, envoy: Record<string, unknown> = { id: ID }) =>
      workload(envoy, metadata).name
    // What becomes an underscore on input counts as one.
    assert.equal(named({ WORKLOAD_NAME: '\u200b\u0001unknown__' }), '~__unknown__')
    assert.equal(named({ LABELS: { app: '__other__' } }), '~__other__')
    assert.equal(named({ OWNER: OWNER.replace('ping', '__other__') }), '~__other__')
    assert.equal(named({ NAME: '__other__' }), '~__other__')
    assert.equal(named({}, { id: 'x', cluster: '__other__' }), '~__other__')
    assert.equal(named({}, { id: '__other__' }), '~__other__')
    assert.equal(named({}, { id: 'sidecar~1~__other__.n~d' }), '~__other__')
    assert.equal(workload({ id: 'sidecar~1~p.__n~d' }, {}).namespace, '~__n')
    // Two texts never become one.
    assert.equal(named({ WORKLOAD_NAME: '~__other__' }), '~~__other__')
    assert.equal(named({ WORKLOAD_NAME: '_other__' }), '_other__')
  })

  it('of a sender never begins as our own names do, and differs where the sender’s do', () => {
    const text = fc.string({ unit: fc.constantFrom('_', '~', 'a', '\u200b'), maxLength: 6 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [one, two] = [a, b].map((name) => workload({ id: 'x' }, { WORKLOAD_NAME: name }).name)
        assert.ok(!one?.startsWith('__'))
        const clean = (name: string) => name.replaceAll('\u200b', '_') || 'x'
        assert.equal(one === two, clean(a) === clean(b))
      }),
    )
  })

  it('says what kind of proxy stands beside it', () => {
    const type = (id: string) => identify({ id }).node.proxyType
    assert.equal(type(ID), 'sidecar')
    assert.equal(type('router~10.0.0.1~gw.istio-system~istio-system.svc.cluster.local'), 'router')
    assert.equal(type('waypoint~10.0.0.1~w.shop~shop.svc.cluster.local'), 'waypoint')
    assert.equal(type('ztunnel~10.0.0.1~w.shop~shop.svc.cluster.local'), 'unknown')
    assert.equal(type('envoy-7'), 'unknown')
  })
})

describe('Envoy’s release', () => {
  it('comes from the build version, or from the text', () => {
    const version = { major_number: 1, minor_number: 40, patch: 2 }
    assert.equal(
      identify({ id: 'e', user_agent_build_version: { version } }).node.envoyVersion,
      '1.40.2',
    )
    assert.equal(
      identify({ id: 'e', user_agent_version: '1.36.2-dev' }).node.envoyVersion,
      '1.36.2-dev',
    )
  })

  it('is compared as major * 1000 + minor', () => {
    assert.equal(envoyMinorOf('1.40.0'), 1040)
    assert.equal(envoyMinorOf('1.24.1-dev'), 1024)
    assert.equal(envoyMinorOf('2.3'), 2003)
    for (const text of ['', 'unknown', '1', 'v1.40', '1.4000.0', '4294967295.1.0']) {
      assert.equal(envoyMinorOf(text), 0, text)
    }
  })
})

describe('what is kept of a node', () => {
  const SECRET = 'hunter2'
  const noisy: Metadata = {
    NAMESPACE: 'shop',
    WORKLOAD_NAME: 'ping',
    ANNOTATIONS: { password: SECRET },
    PROXY_CONFIG: { token: SECRET },
    INSTANCE_IPS: SECRET,
    LABELS: { app: 'ping', secret: SECRET },
    '\u0000': SECRET,
  }

  it('is on the allow-list: annotations and proxy configuration are gone', () => {
    const identity = identify({ id: ID, locality: { region: SECRET } }, noisy)
    assert.ok(!JSON.stringify(identity).includes(SECRET))
    assert.ok(!Buffer.from(identity.recorded).includes(SECRET))
    assert.ok(Buffer.from(identity.recorded).includes('ping'))
  })

  it('of a recorded identifier reads back as the same node, and records as the same bytes', () => {
    fc.assert(
      fc.property(
        fc.record({ id: fc.string(), cluster: fc.string({ unit: 'grapheme', maxLength: 400 }) }),
        fc.dictionary(
          fc.constantFrom('NAME', 'NAMESPACE', 'WORKLOAD_NAME', 'OWNER', 'CLUSTER_ID', 'X'),
          fc.string({ unit: 'grapheme', maxLength: 400 }),
        ),
        (node, metadata) => {
          const first = identify(node, { ...metadata, LABELS: { app: node.cluster } })
          const again = readIdentifier(identifierOf(first.recorded))
          assert.deepEqual(again, first)
        },
      ),
    )
  })

  it('is bounded, on one line, and free of control characters', () => {
    const { node, logName } = identify(
      { id: `a\n${'b'.repeat(500)}` },
      { NAME: 'x\u001b[31m\u202e', WORKLOAD_NAME: '\u{1f600}'.repeat(200) },
      'log\tname',
    )
    assert.equal(node.id, `a_${'b'.repeat(254)}`)
    assert.equal(node.pod, 'x_[31m_')
    assert.equal(node.workload.name, '\u{1f600}'.repeat(128))
    assert.equal(logName, 'log_name')
  })

  it('never holds half a character', () => {
    const { name } = workload({ id: ID }, { WORKLOAD_NAME: `x${'\u{1f600}'.repeat(200)}` })
    assert.equal(name.isWellFormed(), true)
    assert.equal(name.length, 256)
  })
})

describe('an identifier with text that is no UTF-8', () => {
  const BAD = Buffer.from([0x63, 0xff, 0xfe, 0x63])
  const value = (text: Uint8Array) => delimitedField(2, delimitedField(3, text))
  const entry = (key: Uint8Array, text: Uint8Array) =>
    delimitedField(1, delimitedField(1, key), value(text))
  const text = (name: string) => Buffer.from(name)
  const read = (...node: readonly Uint8Array[]) =>
    readIdentifier(Buffer.concat([delimitedField(1, ...node), textField(2, 'log')]))

  it('keeps what is readable, whichever text it is', () => {
    const id = textField(1, ID)
    const workload = entry(text('WORKLOAD_NAME'), text('ping'))
    const labels = delimitedField(
      1,
      textField(1, 'LABELS'),
      delimitedField(2, delimitedField(5, entry(text('app'), BAD), entry(BAD, BAD))),
    )
    const damages: [name: string, fields: Uint8Array[], damaged: boolean][] = [
      ['cluster', [delimitedField(2, BAD)], true],
      ['agent', [delimitedField(6, BAD)], true],
      ['version', [delimitedField(7, BAD)], true],
      ['locality', [delimitedField(4, delimitedField(1, BAD))], false],
      ['extension', [delimitedField(9, delimitedField(1, BAD))], false],
      ['value', [delimitedField(3, entry(text('NAMESPACE'), BAD))], true],
      ['value that is not read', [delimitedField(3, entry(text('ANNOTATIONS'), BAD))], false],
      ['key', [delimitedField(3, entry(BAD, text('x')))], false],
      ['labels', [delimitedField(3, labels)], true],
      ['half a metadata', [delimitedField(3, Buffer.of(0x0a, 0x7f))], true],
    ]
    for (const [name, fields, damaged] of damages) {
      const identity = read(id, delimitedField(3, workload), ...fields)
      assert.ok(identity, name)
      assert.equal(identity.node.id, ID, name)
      assert.equal(identity.node.workload.name, 'ping', name)
      assert.equal(identity.damaged, damaged, name)
      const again = readIdentifier(identifierOf(identity.recorded))
      assert.deepEqual(again, { ...identity, damaged: false }, name)
    }
  })

  it('has U+FFFD in their place', () => {
    assert.equal(read(delimitedField(1, BAD))?.node.id, 'c\ufffd\ufffdc')
    assert.equal(
      read(delimitedField(3, entry(text('NAME'), BAD)))?.node.workload.name,
      'c\ufffd\ufffdc',
    )
  })

  it('keeps what stands before the damage of the node itself', () => {
    const half = read(textField(1, ID), Buffer.of(0x12, 0x7f, 0x61))
    assert.equal(half?.node.id, ID)
    assert.equal(half?.damaged, true)
    assert.equal(read(Buffer.of(0x12, 0x7f, 0x61)), undefined)
  })

  it('does not look at a million fields', () => {
    const empty = Buffer.of(0x0a, 0x00)
    const many = delimitedField(3, Buffer.concat(Array.from({ length: 400_000 }, () => empty)))
    const flood = read(textField(1, ID), many)
    assert.equal(flood?.node.id, ID)
    assert.equal(flood?.damaged, true)
    const extensions = Array.from({ length: 5000 }, () => delimitedField(9, empty))
    assert.equal(read(...extensions, textField(1, ID))?.damaged, false)
  })

  it('reads what is repeated as protobuf does: the last of a text, all of a message', () => {
    const twice = read(
      textField(1, 'first'),
      textField(1, ID),
      delimitedField(3, entry(text('NAME'), text('a')), entry(text('NAME'), text('b'))),
      delimitedField(3, entry(text('NAMESPACE'), text('shop'))),
    )
    assert.equal(twice?.node.id, ID)
    assert.equal(twice?.node.pod, 'b')
    assert.equal(twice?.node.workload.namespace, 'shop')
  })

  it('is the same node and records as the same bytes, whatever the damage', () => {
    const whole = identifierOf(captureMessages('1.40.0/no-sni')[0] as Uint8Array)
    const start = Math.max(0, whole.length - 2000)
    const range = fc.nat(1499)
    fc.assert(
      fc.property(range, range, fc.uint8Array({ minLength: 1, maxLength: 8 }), (a, b, noise) => {
        const damaged = Buffer.concat([whole.subarray(0, 1500), whole.subarray(start)])
        for (const at of [a, 1500 + b]) damaged.set(noise, at)
        const first = readIdentifier(damaged)
        if (first === undefined) return
        assert.deepEqual(readIdentifier(damaged), first)
        const again = readIdentifier(identifierOf(first.recorded))
        assert.deepEqual(again, { ...first, damaged: false })
      }),
      { numRuns: 500 },
    )
  })
})

describe('an identifier that cannot be read', () => {
  it('is no identity', () => {
    assert.equal(readIdentifier(Uint8Array.of(0x0a, 0xff)), undefined)
    assert.equal(readIdentifier(new Uint8Array(1024 * 1024 + 1)), undefined)
  })

  it('never throws, whatever the damage', () => {
    const whole = identifierOf(captureMessages('1.40.0/no-sni')[0] as Uint8Array)
    // The extension list is nearly all of it and is skipped: damage the rest.
    const start = Math.max(0, whole.length - 2000)
    for (const bytes of [whole.subarray(0, 1500), whole.subarray(start)]) {
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
          const damaged = Uint8Array.from(bytes)
          damaged[at] = (damaged[at] as number) ^ (1 << bit)
          readIdentifier(damaged)
        }),
        { numRuns: 200 },
      )
    }
  })

  it('never exhausts the stack', () => {
    // node.metadata.fields.value.struct_value.fields…: ten bytes or so a level, written inside out.
    const prefixes: Buffer[] = []
    let length = 0
    const wrap = (tag: number) => {
      const prefix = lengthPrefixed(tag, length)
      prefixes.push(prefix)
      length += prefix.length
    }
    for (let level = 0; level < 60_000; level++) for (const tag of [0x2a, 0x12, 0x0a]) wrap(tag)
    for (const tag of [0x1a, 0x0a]) wrap(tag)
    assert.ok(length > 600_000 && length < 1024 * 1024)
    assert.equal(readIdentifier(Buffer.concat(prefixes.toReversed()))?.node, UNKNOWN_NODE)
  })
})

describe('identifiers of real Envoys', () => {
  for (const [capture, version] of [
    ['1.40.0/all-types', '1.40.0'],
    ['1.36.2/all-types', '1.36.2'],
  ] as const) {
    it(`of ${version} name the workload`, () => {
      const bytes = identifierOf(captureMessages(capture)[0] as Uint8Array)
      assert.ok(bytes.length > 50_000)
      const identity = readIdentifier(bytes)
      assert.ok(identity)
      assert.equal(identity.node.envoyVersion, version)
      assert.equal(identity.node.pod, 'ping-ff5ff68d6-xfwhc')
      assert.deepEqual(identity.node.workload, {
        cluster: 'Kubernetes',
        namespace: 'default',
        kind: 'Deployment',
        name: 'ping',
      })
      assert.ok(identity.recorded.length < 1000)
    })
  }
})

describe('the scope of a node', () => {
  it('without an id is made of what else it says; the unknown source has none', () => {
    const scope = (node: Record<string, unknown>, metadata: Metadata = {}) =>
      namelessScopeOf(identify(node, metadata).node)
    assert.equal(scope({ id: 'a', cluster: 'edge' }), undefined)
    assert.equal(scope({}), undefined)
    const scopes = [
      scope({ cluster: 'edge' }),
      scope({ cluster: 'core' }),
      scope({ cluster: 'core' }, { NAME: 'a' }),
      scope({ cluster: 'core' }, { NAME: 'b' }),
      scope({}, { NAMESPACE: 'shop' }),
    ]
    assert.equal(
      new Set(scopes.map((bytes) => bytes && Buffer.from(bytes).toString('hex'))).size,
      5,
    )
    assert.ok(!scopes.includes(undefined))
  })

  it('is 16 bytes, the same for the same id only', () => {
    assert.equal(scopeOf('a').length, 16)
    assert.deepEqual(scopeOf('a'), scopeOf('a'))
    assert.notDeepEqual(scopeOf('a'), scopeOf('b'))
  })
})

function lengthPrefixed(tag: number, length: number): Buffer {
  const bytes = [tag]
  let rest = length
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}
