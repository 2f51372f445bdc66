import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { identifierField, type TcpEntry } from '../helpers/entry-writer.ts'
import { NOON, ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000
const TIB = 2 ** 40

const VICTIM = sidecarOf('victim', '10.1.1.1')
const THIEF = sidecarOf('thief', '10.6.6.6')
/** An identifier that says nothing. */
const NAMELESS = identifierField({ id: '', cluster: '', metadata: {}, envoy: [1, 40, 0] })

/** An entry about connection 1, which began at noon. */
const entry = (type: number, upload: number, over: Partial<TcpEntry> = {}): TcpEntry => ({
  streamId: streamId(1),
  type,
  sni: 'a.example',
  startMs: NOON,
  upload,
  download: upload,
  ...(type === END ? { durationMs: 1000 } : {}),
  ...over,
})

const STATES = 'SELECT workload, sni, state, upload_bytes, last_seen_at FROM connections ORDER BY 1'
const REFUSED = 'SELECT workload, rejected FROM coverage ORDER BY workload'

/** A victim with an open connection of 100 bytes. */
function victimOf(t: TestContext): ReceiverLife {
  const life = new ReceiverLife(t)
  life.hear(VICTIM, [entry(PERIODIC, 100)], NOON + 1000)
  return life
}

describe('a connection that another node reported first', () => {
  it('is neither changed nor closed, and who tried is counted and named', (t) => {
    const life = victimOf(t)
    life.hear(THIEF, [entry(PERIODIC, 5 * TIB, { sni: 'b.example' })], NOON + 2000)
    life.hear(THIEF, [entry(END, 5 * TIB), entry(0, 5 * TIB)], NOON + 3000)
    assert.deepEqual(life.rows(STATES), ['victim a.example open 100 2026-11-24T12:00:01.000Z'])
    assert.deepEqual(life.rows(REFUSED), ['thief {"other_node":3}', 'victim {}'])
    assert.deepEqual(
      life.findings().filter((line) => line.startsWith('others-connections')),
      [
        'others-connections: 3 entries were about connections that another proxy had reported first, and were refused: sidecar~10.6.6.6~thief-0.shop~shop.svc.cluster.local',
      ],
    )
    life.hear(VICTIM, [entry(END, 150)], NOON + 4000)
    assert.deepEqual(life.totals(), ['victim a.example 150/150 1'])
  })

  it('does not live on by what another node says of it', (t) => {
    const life = victimOf(t)
    for (let minute = 1; minute < 7; minute++) {
      life.pass(NOON + minute * MINUTE, NOON + (minute + 1) * MINUTE)
      life.hear(THIEF, [entry(PERIODIC, 200)], NOON + (minute + 1) * MINUTE)
    }
    assert.deepEqual(life.rows(STATES), ['victim a.example orphaned 100 2026-11-24T12:00:01.000Z'])
  })

  it('stays its own through a restart, after its end, and when only the file knows it', (t) => {
    const life = victimOf(t)
    life.restart(NOON + 2000)
    life.hear(THIEF, [entry(END, TIB)], NOON + 3000)
    assert.deepEqual(life.totals(), ['victim a.example 100/100 1'])

    life.hear(VICTIM, [entry(END, 150)], NOON + 4000)
    life.hear(THIEF, [entry(END, TIB)], NOON + 5000)
    assert.deepEqual(life.totals(), ['victim a.example 150/150 1'])

    // A closed row is not loaded at start: the thief's sample waits for the file, and so does the next.
    life.restart(NOON + 6000)
    life.hear(THIEF, [entry(END, TIB), entry(END, 2 * TIB)], NOON + 7000)
    assert.deepEqual(life.totals(), ['victim a.example 150/150 1'])
    assert.deepEqual(life.rows(REFUSED), ['thief {"other_node":4}', 'victim {}'])
  })

  it('is not replaced in the file by a forgery whose start says that it is new', (t) => {
    const life = victimOf(t)
    life.hear(VICTIM, [entry(END, 150)], NOON + 2000)
    life.restart(NOON + 3000)
    life.hear(THIEF, [entry(END, 7, { startMs: NOON + MINUTE })], NOON + 2 * MINUTE)
    // Nothing that the ledger remembers says that the id is taken: the thief pays for it.
    assert.deepEqual(life.totals(), ['thief a.example 7/7 1', 'victim a.example 150/150 1'])
    assert.deepEqual(life.rows(STATES), ['victim a.example closed 150 2026-11-24T12:00:02.000Z'])
  })

  it('is not replaced so by a node without an id or a name, has its own SNI, and has an owner without an id', (t) => {
    const nodeless = (cluster: string) =>
      identifierField({ id: '', cluster, metadata: {}, envoy: [1, 40, 0] })
    const rows = 'SELECT workload, sni, state, upload_bytes, invalid_sni FROM connections'
    for (const owner of [VICTIM, nodeless('victim')]) {
      for (const thief of [THIEF, nodeless('thief'), NAMELESS, undefined]) {
        const life = new ReceiverLife(t)
        life.hear(owner, [entry(END, 150)], NOON + 1000)
        life.restart(NOON + 2000)
        const forged = entry(END, TIB, { startMs: NOON + MINUTE, sni: 'no name' })
        life.hear(thief, [forged], NOON + 2 * MINUTE)
        assert.deepEqual(life.rows(rows), ['victim a.example closed 150 '])
        life.restart(NOON + 3 * MINUTE)
        life.hear(owner, [entry(END, 150)], NOON + 4 * MINUTE)
        assert.deepEqual(life.rows("SELECT upload_bytes FROM sni_totals WHERE sni = 'a.example'"), [
          '150',
        ])
      }
    }
  })

  it('waits for its first byte untouched', (t) => {
    const life = new ReceiverLife(t)
    const quiet = { sni: '', upload: 0, download: 0 }
    life.hear(VICTIM, [entry(PERIODIC, 0, quiet)], NOON + 1000)
    life.hear(THIEF, [entry(PERIODIC, TIB, { sni: 'b.example' })], NOON + 2000)
    assert.deepEqual(life.totals(), [])
    life.hear(VICTIM, [entry(END, 150)], NOON + 3000)
    assert.deepEqual(life.totals(), ['victim a.example 150/150 1'])
  })

  it('is out of reach for a stream that does not say who it is', (t) => {
    const life = victimOf(t)
    life.hear(undefined, [entry(END, TIB)], NOON + 2000)
    life.hear(NAMELESS, [entry(END, TIB)], NOON + 3000)
    assert.deepEqual(life.rows(STATES), ['victim a.example open 100 2026-11-24T12:00:01.000Z'])
  })
})

describe('the node of a connection goes on with it', () => {
  it('as another release and with other metadata (an upgrade, a hot restart)', (t) => {
    const life = victimOf(t)
    life.hear(sidecarOf('victim', '10.1.1.1', [1, 41, 0]), [entry(PERIODIC, 120)], NOON + 2000)
    const renamed = identifierField({
      id: 'sidecar~10.1.1.1~victim-0.shop~shop.svc.cluster.local',
      cluster: 'other.shop',
      metadata: { NAMESPACE: 'shop', WORKLOAD_NAME: 'other', NAME: 'other-0' },
      envoy: [1, 36, 2],
    })
    life.hear(renamed, [entry(END, 150)], NOON + 3000)
    assert.deepEqual(life.totals(), ['victim a.example 150/150 1'])
    assert.deepEqual(
      life.findings().filter((line) => line.startsWith('others')),
      [],
    )
  })

  it('after a restart of the receiver, and in a replay of what was received', (t) => {
    const life = victimOf(t)
    life.restart(NOON + 2000)
    life.hear(VICTIM, [entry(END, 150)], NOON + 3000)
    life.hear(VICTIM, [entry(PERIODIC, 100)], NOON + 1000)
    life.hear(VICTIM, [entry(END, 150)], NOON + 3000)
    assert.deepEqual(life.totals(), ['victim a.example 150/150 1'])
  })

  it('when it did not say who it is at first, and keeps it from then on', (t) => {
    const life = new ReceiverLife(t)
    life.hear(undefined, [entry(PERIODIC, 100)], NOON + 1000)
    life.hear(VICTIM, [entry(PERIODIC, 120)], NOON + 2000)
    life.restart(NOON + 3000)
    life.hear(THIEF, [entry(END, TIB)], NOON + 4000)
    life.hear(VICTIM, [entry(END, 150)], NOON + 5000)
    assert.deepEqual(life.totals(), ['__unknown__ a.example 150/150 1'])
    assert.deepEqual(life.rows('SELECT pod, state FROM connections'), ['victim-0 closed'])
  })

  it('without a node id, by what else it says', (t) => {
    const nodeless = (name: string) =>
      identifierField({ id: '', cluster: '', metadata: { NAME: name }, envoy: [1, 40, 0] })
    const life = new ReceiverLife(t)
    life.hear(nodeless('a'), [entry(PERIODIC, 100)], NOON + 1000)
    life.hear(nodeless('b'), [entry(END, TIB)], NOON + 2000)
    life.hear(nodeless('a'), [entry(END, 150)], NOON + 3000)
    assert.deepEqual(life.totals(), ['a a.example 150/150 1'])
  })

  it('through its gateway, whose hop has an id of its own', (t) => {
    const life = victimOf(t)
    const gateway = identifierField({
      id: 'router~10.9.9.9~gateway-0.egress~egress.svc.cluster.local',
      cluster: 'gateway.egress',
      metadata: { NAMESPACE: 'egress', WORKLOAD_NAME: 'gateway', NAME: 'gateway-0' },
      envoy: [1, 40, 0],
    })
    life.hear(gateway, [entry(END, 100, { streamId: streamId(2) })], NOON + 2000)
    life.hear(VICTIM, [entry(END, 100)], NOON + 3000)
    assert.deepEqual(life.totals(), ['victim a.example 100/100 1'])
    assert.deepEqual(life.rows('SELECT rejected FROM coverage'), ['{}', '{}'])
  })
})
