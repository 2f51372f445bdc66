import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { defaultConfig } from '../../src/config/load.ts'
import { type TcpEntry, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { inParts } from '../helpers/message-in-parts.ts'
import { NOON, ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'

const SIDECAR = sidecarOf('checkout', '10.1.1.1')
const ADDRESS = { upstreamRemote: { ip: '9.9.9.9', port: 443 } }
const CLUSTER = { ...ADDRESS, upstreamCluster: 'outbound|443||api.vendor.example' }
const SNI = { ...CLUSTER, sni: 'bucket.vendor.example' }

const PERIODIC = 2
const END = 3

/** What one logger says of connection `id`. */
const entry = (id: number, said: Partial<TcpEntry>, type: number, bytes: number): TcpEntry => ({
  streamId: streamId(id),
  type,
  startMs: NOON,
  upload: bytes,
  download: 0,
  ...(type === END ? { durationMs: 1000 } : {}),
  ...said,
})

/** Names by bytes and connections opened and closed, and what was observed. */
const named = (life: ReceiverLife): string[] =>
  life.rows(`SELECT sni, name_source, sum(upload_bytes), sum(connections_opened),
    sum(connections_closed) FROM usage GROUP BY 1, 2 ORDER BY 1`)

describe('a connection that two loggers report', () => {
  const pairs = [
    ['an address, then a cluster', ADDRESS, CLUSTER, 'api.vendor.example cluster'],
    ['a cluster, then an SNI', CLUSTER, SNI, 'bucket.vendor.example sni'],
    ['an address, then an SNI', ADDRESS, SNI, 'bucket.vendor.example sni'],
    [
      'an SNI that is no name, then a cluster',
      { sni: 'no name' },
      CLUSTER,
      'api.vendor.example cluster',
    ],
    [
      'an SNI of the mesh itself, then a cluster',
      { ...ADDRESS, sni: 'outbound_.443_._.gateway.example' },
      CLUSTER,
      'api.vendor.example cluster',
    ],
    [
      'an SNI that is an address, then a cluster',
      { sni: '9.9.9.9' },
      CLUSTER,
      'api.vendor.example cluster',
    ],
  ] as const
  for (const [what, worse, better, name] of pairs) {
    for (const [order, first, second] of [
      ['', worse, better],
      [', the other way round', better, worse],
    ] as const) {
      it(`in one message, ${what}${order}: the better one names it`, (t) => {
        const life = new ReceiverLife(t)
        life.hear(SIDECAR, [entry(1, first, END, 50), entry(1, second, END, 50)], NOON + 1000)
        assert.deepEqual(named(life), [`${name} 50 1 1`])
        assert.deepEqual(life.rows('SELECT connections_seen, connections_closed FROM coverage'), [
          '1 1',
        ])
      })

      it(`in two messages, ${what}${order}: the better one, as long as no byte is booked`, (t) => {
        const life = new ReceiverLife(t)
        life.hear(SIDECAR, [entry(1, first, PERIODIC, 0)], NOON + 1000)
        life.hear(SIDECAR, [entry(1, second, PERIODIC, 0)], NOON + 2000)
        life.hear(SIDECAR, [entry(1, first, END, 50)], NOON + 3000)
        assert.deepEqual(named(life), [`${name} 50 1 1`])
      })
    }
  }

  it('keeps the name that it has once a byte is booked', (t) => {
    const life = new ReceiverLife(t)
    life.hear(SIDECAR, [entry(1, CLUSTER, PERIODIC, 1)], NOON + 1000)
    life.hear(SIDECAR, [entry(1, SNI, END, 50)], NOON + 2000)
    assert.deepEqual(named(life), ['api.vendor.example cluster 50 1 1'])
  })

  it('waits for the file with both, and is named by the better one', (t) => {
    const life = new ReceiverLife(t)
    life.hear(SIDECAR, [entry(9, SNI, END, 1)], NOON + 1000)
    life.restart(NOON + 2000)
    const before = { startMs: NOON - 1000 }
    life.hear(
      SIDECAR,
      [entry(1, { ...ADDRESS, ...before }, END, 50), entry(1, { ...SNI, ...before }, END, 50)],
      NOON + 3000,
    )
    assert.deepEqual(named(life), ['bucket.vendor.example sni 51 2 2'])
  })

  it('in a message of more than 65,536 entries is named by the better one, wherever it stands', (t) => {
    const life = new ReceiverLife(t)
    const others = Array.from({ length: 66_000 }, (_, i) => entry(100 + i, SNI, END, 1))
    life.hear(
      SIDECAR,
      [entry(1, ADDRESS, END, 50), ...others, entry(1, CLUSTER, END, 50)],
      NOON + 1000,
    )
    assert.deepEqual(named(life), [
      'api.vendor.example cluster 50 1 1',
      'bucket.vendor.example sni 66000 66000 66000',
    ])
  })

  it('takes no place in the name budget for a name that is replaced', (t) => {
    const config = defaultConfig()
    const names = { ...config.rollup.names, perWorkloadPerDay: 2 }
    const life = new ReceiverLife(t, { ...config, rollup: { ...config.rollup, names } })
    for (let id = 1; id <= 4; id++) {
      const address = { upstreamRemote: { ip: `9.9.9.${id}`, port: 443 } }
      const entries = [entry(id, address, END, 50), entry(id, SNI, END, 50)]
      life.hear(SIDECAR, entries, NOON + id * 1000)
    }
    life.hear(SIDECAR, [entry(5, CLUSTER, END, 7)], NOON + 9000)
    assert.deepEqual(named(life), [
      'api.vendor.example cluster 7 1 1',
      'bucket.vendor.example sni 200 4 4',
    ])
  })

  it('that falls silent before its first byte is named by the best that was said', (t) => {
    const life = new ReceiverLife(t)
    life.hear(SIDECAR, [entry(1, CLUSTER, PERIODIC, 0)], NOON + 1000)
    life.hear(SIDECAR, [entry(1, ADDRESS, PERIODIC, 0)], NOON + 2000)
    life.pass(NOON + 2000, NOON + 10 * 60_000)
    assert.deepEqual(named(life), ['api.vendor.example cluster 0 1 0'])
  })

  it('is still a hop when the logger that names it better does not say its cluster', (t) => {
    const config = defaultConfig()
    const host = 'gateway.egress.svc.cluster.local'
    const gateways = { ...config.gateways, billAt: 'gateway' as const, hosts: [host] }
    const life = new ReceiverLife(t, { ...config, gateways })
    const toGateway = { upstreamCluster: `outbound|443||${host}` }
    life.hear(SIDECAR, [entry(1, toGateway, PERIODIC, 0)], NOON + 1000)
    life.hear(SIDECAR, [entry(1, { sni: 'a.example' }, END, 50)], NOON + 2000)
    assert.deepEqual(named(life), [])
    assert.deepEqual(life.rows('SELECT sum(hop_bytes) FROM coverage'), ['50'])
  })
})

it('law: whatever loggers say and in which messages, bytes and connections are the same', (t) => {
  const said = fc.record({
    id: fc.integer({ min: 1, max: 3 }),
    what: fc.constantFrom({}, ADDRESS, CLUSTER, SNI),
    bytes: fc.integer({ min: 0, max: 3 }),
    final: fc.boolean(),
    isNewMessage: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(said, { minLength: 1, maxLength: 12 }), (all) => {
      const life = new ReceiverLife(t)
      let at = NOON
      let message: TcpEntry[] = []
      const send = () => life.hear(SIDECAR, message, (at += 1000))
      for (const { id, what, bytes, final, isNewMessage } of all) {
        if (isNewMessage && message.length > 0) {
          send()
          message = []
        }
        message.push(entry(id, what, final ? END : PERIODIC, bytes))
      }
      send()
      life.pass(at, at + 10 * 60_000, 60_000)
      const ids = [...new Set(all.map(({ id }) => id))]
      const most = ids.map((id) =>
        Math.max(...all.filter((one) => one.id === id).map((one) => one.bytes)),
      )
      const closed = ids.filter((id) => all.some((one) => one.id === id && one.final))
      assert.deepEqual(
        life.rows(
          'SELECT sum(upload_bytes), sum(connections_opened), sum(connections_closed) FROM usage',
        ),
        [`${most.reduce((a, b) => a + b)} ${ids.length} ${closed.length}`],
      )
    }),
    { numRuns: 40 },
  )
})

describe('a message above 64 KiB, which is handled in parts', () => {
  const COUNT = 1000
  const ids = Array.from({ length: COUNT }, (_, i) => i + 1)
  const of = (said: Partial<TcpEntry>): TcpEntry[] => ids.map((id) => entry(id, said, PERIODIC, 5))
  const one = of(ADDRESS)
  const other = of(CLUSTER)
  const orders: readonly (readonly [string, readonly TcpEntry[]])[] = [
    ['one logger after the other', [...one, ...other]],
    ['the other logger first', [...other, ...one]],
    ['one logger beside the other', one.flatMap((first, i) => [first, ...other.slice(i, i + 1)])],
  ]
  const partsOf = (entries: readonly TcpEntry[], partBytes?: number): Buffer[] => {
    const parts = inParts(tcpMessage(entries.map(tcpEntry), SIDECAR), partBytes)
    assert.ok(parts.length > 3)
    return parts
  }
  const right = [`api.vendor.example cluster ${5 * COUNT} ${COUNT} 0`]
  const ofVendor = (life: ReceiverLife): string[] =>
    named(life).filter((row) => row.startsWith('api'))

  for (const [order, entries] of orders) {
    it(`gives each connection in it the better name: ${order}`, (t) => {
      const life = new ReceiverLife(t)
      const stream = life.pipeline.openStream()
      for (const part of partsOf(entries)) life.pipeline.message(stream, part, NOON + 1000)
      assert.deepEqual(named(life), right)
    })

    it(`with other streams, commits and seconds between its parts: ${order}`, (t) => {
      const life = new ReceiverLife(t)
      const stream = life.pipeline.openStream()
      partsOf(entries).forEach((part, i) => {
        const at = NOON + 1000 + i * 1500
        life.pipeline.message(stream, part, at)
        life.hear(sidecarOf('cart', '10.1.1.2'), [entry(9000 + i, ADDRESS, END, 1)], at)
        life.pipeline.tick(at + 1000)
        life.commit()
      })
      assert.deepEqual(ofVendor(life), right)
    })
  }

  it('is booked by what has come of it when its stream ends, and after ten seconds', (t) => {
    const life = new ReceiverLife(t)
    const { pipeline } = life
    const stream = pipeline.openStream()
    const parts = partsOf([...one, ...other])
    const [identifier, first, second] = parts as [Buffer, Buffer, Buffer]
    for (const part of [identifier, first]) pipeline.message(stream, part, NOON + 1000)
    pipeline.tick(NOON + 10_999)
    assert.equal(pipeline.rollup.bookedBytes, 0)
    pipeline.tick(NOON + 11_000)
    const before = pipeline.rollup.bookedBytes
    assert.ok(before > 0)
    pipeline.message(stream, second, NOON + 12_000)
    assert.equal(pipeline.rollup.bookedBytes, before)
    pipeline.closeStream(stream)
    assert.ok(pipeline.rollup.bookedBytes > before)
  })

  it('that a sender never ends takes no more than its share, and nothing from others', (t) => {
    const life = new ReceiverLife(t)
    const { pipeline } = life
    const mark = Buffer.of(120, 1)
    const streams = Array.from({ length: 3000 }, () => pipeline.openStream('10.6.6.6'))
    const forged = sidecarOf('forger', '10.6.6.6')
    // Small messages that all say that they go on, each with an entry and a text of its own.
    let made = 0
    for (let round = 0; round < 4; round++) {
      for (const stream of streams) {
        const said = { sni: `n${++made}.example`, ...ADDRESS }
        const entries = [tcpEntry(entry(100_000 + made, said, END, 1))]
        const message = tcpMessage(entries, round === 0 ? forged : undefined)
        pipeline.message(stream, Buffer.concat([message, mark]), NOON + 1000)
      }
    }
    const stream = pipeline.openStream('10.1.1.1')
    for (const part of partsOf([...one, ...other])) pipeline.message(stream, part, NOON + 1000)
    assert.deepEqual(ofVendor(life), right)
    // One message after the other, 32 samples per ms.
    pipeline.tick(NOON + 11_000)
    assert.ok(pipeline.rollup.bookedBytes < 5 * COUNT + made)
    pipeline.tick(NOON + 12_000)
    assert.equal(pipeline.rollup.bookedBytes, 5 * COUNT + made)
  })

  it('keeps its names when so many texts come meanwhile that the interner begins again', (t) => {
    const life = new ReceiverLife(t)
    const { pipeline } = life
    const stream = pipeline.openStream('10.1.1.1')
    const flood = pipeline.openStream('10.6.6.6')
    // They are of no connection: their texts are read all the same.
    const texts = Array.from({ length: 70_000 }, (_, i) =>
      tcpEntry({ type: 1, sni: `n${i}.example` }),
    )
    partsOf([...one, ...other]).forEach((part, i) => {
      pipeline.message(stream, part, NOON + 1000)
      if (i === 2) pipeline.message(flood, tcpMessage(texts), NOON + 1000)
    })
    assert.deepEqual(ofVendor(life), right)
  })

  it('law: any cut of it, with seconds between the parts, books what the whole one books', (t) => {
    const said = fc.record({
      id: fc.integer({ min: 1, max: 5 }),
      what: fc.constantFrom({}, ADDRESS, CLUSTER, SNI, { sni: 'no name' }),
      bytes: fc.integer({ min: 0, max: 3 }),
      final: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(said, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 0, max: 700 }),
        (all, partBytes, gapMs) => {
          const entries = all.map(({ id, what, bytes, final }) =>
            entry(id, what, final ? END : PERIODIC, bytes),
          )
          const message = tcpMessage(entries.map(tcpEntry), SIDECAR)
          const booked = [[message], inParts(message, partBytes)].map((parts) => {
            const life = new ReceiverLife(t)
            const stream = life.pipeline.openStream()
            parts.forEach((part, i) => {
              life.pipeline.message(stream, part, NOON + 2000 + i * gapMs)
            })
            return named(life)
          })
          assert.deepEqual(booked[1], booked[0])
        },
      ),
      { numRuns: 40 },
    )
  })
})
