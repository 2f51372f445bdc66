import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { identifierField, type TcpEntry } from '../helpers/entry-writer.ts'
import { NOON, ReceiverLife, sidecarOf, streamId } from '../helpers/receiver-life.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000
const TIB = 2 ** 40

const VICTIM = sidecarOf('victim', '10.1.1.1')
const nodeless = (cluster: string) =>
  identifierField({ id: '', cluster, metadata: {}, envoy: [1, 40, 0] })
/** Who forges: two other nodes, one that has no id, one that says nothing, one without an identifier. */
const FORGERS = {
  thief: sidecarOf('thief', '10.6.6.6'),
  other: sidecarOf('other', '10.7.7.7'),
  nodeless: nodeless('nodeless'),
  nameless: nodeless(''),
  silent: undefined,
}
type Forger = keyof typeof FORGERS

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

const STATES = `
  SELECT workload, sni, state, upload_bytes, invalid_sni FROM connections
  WHERE workload = 'victim' ORDER BY connection_id`

// The row of a connection that fell silent is in the file only. A sample of its id with a newer start than
// everything that memory had forgotten was taken for a new connection, and the id was then the forger's.
describe('a connection that only the file knows, and whose id another node sends with a newer start', () => {
  for (const [name, forger] of Object.entries(FORGERS)) {
    for (const type of [PERIODIC, END]) {
      it(`stays its node's after a restart (${name}, type ${type})`, (t) => {
        const life = orphanOf(t, VICTIM)
        life.restart(NOON + 7 * MINUTE)
        const forged = entry(type, 5 * TIB, { startMs: NOON + 8 * MINUTE, sni: 'no name' })
        life.hear(forger, [forged], NOON + 9 * MINUTE)
        life.hear(VICTIM, [entry(PERIODIC, 130), entry(PERIODIC, 140)], NOON + 10 * MINUTE)
        life.hear(forger, [{ ...forged, upload: 6 * TIB }], NOON + 11 * MINUTE)
        life.hear(VICTIM, [entry(END, 150)], NOON + 12 * MINUTE)
        assert.deepEqual(totalsOf(life, 'victim'), ['victim a.example 150/150 1'])
        assert.deepEqual(life.rows(STATES), ['victim a.example closed 150 '])
        // What the forger sent before the owner came back is the forger's; from then on it is refused.
        assert.deepEqual(life.rows('SELECT sum(upload_bytes) FROM usage'), [`${5 * TIB + 150}`])
        assert.equal(
          life.findings().some((line) => line.startsWith('others-connections: 1 ')),
          true,
        )
      })
    }
  }

  it('stays its node’s without a restart, once memory has forgotten it', (t) => {
    const life = orphanOf(t, VICTIM)
    life.commit()
    life.pass(NOON + 7 * MINUTE, NOON + 30 * MINUTE)
    life.hear(FORGERS.thief, [entry(END, 7, { startMs: NOON + 29 * MINUTE })], NOON + 30 * MINUTE)
    life.hear(VICTIM, [entry(END, 150)], NOON + 31 * MINUTE)
    assert.deepEqual(life.totals(), ['thief a.example 7/7 1', 'victim a.example 150/150 1'])
  })

  it('is asked about once, however often another node reports it', (t) => {
    const life = new ReceiverLife(t)
    life.hear(VICTIM, [entry(PERIODIC, 100)], NOON + 1000)
    life.restart(NOON + 2000)
    const later = { streamId: streamId(2), startMs: NOON + MINUTE }
    life.hear(VICTIM, [entry(PERIODIC, 100, later)], NOON + 2 * MINUTE)
    const stream = life.pipeline.openStream()
    const forged = entry(PERIODIC, TIB, { streamId: streamId(2) })
    life.hear(FORGERS.thief, [forged], NOON + 2 * MINUTE, stream)
    life.pipeline.held.hold = () => assert.fail('asked again')
    life.hear(undefined, [forged, forged], NOON + 2 * MINUTE, stream)
    assert.deepEqual(life.rows("SELECT rejected FROM coverage WHERE workload = 'thief'"), [
      '{"other_node":3}',
    ])
  })

  it('goes on as its node’s own although it was sent without an identifier at first', (t) => {
    const life = orphanOf(t, undefined)
    life.restart(NOON + 7 * MINUTE)
    const startMs = NOON + 8 * MINUTE
    life.hear(FORGERS.thief, [entry(END, TIB, { startMs })], NOON + 9 * MINUTE)
    life.restart(NOON + 9 * MINUTE)
    life.hear(VICTIM, [entry(PERIODIC, 140)], NOON + 10 * MINUTE)
    // Its row in the file is of the unknown source until the next commit; it is the node's already.
    life.hear(FORGERS.thief, [entry(END, TIB)], NOON + 11 * MINUTE)
    life.hear(VICTIM, [entry(END, 150)], NOON + 12 * MINUTE)
    assert.deepEqual(totalsOf(life, '__unknown__'), ['__unknown__ a.example 150/150 1'])
  })
})

/** A connection that reported 100 bytes and fell silent. */
function orphanOf(t: TestContext, identifier: Buffer | undefined): ReceiverLife {
  const life = new ReceiverLife(t)
  life.hear(identifier, [entry(PERIODIC, 100)], NOON + 1000)
  life.pass(NOON + 1000, NOON + 6 * MINUTE)
  assert.deepEqual(life.rows('SELECT state FROM connections'), ['orphaned'])
  return life
}

function totalsOf(life: ReceiverLife, workload: string): string[] {
  return life.totals().filter((line) => line.startsWith(`${workload} `))
}

describe('law: what others send about a connection is never its node’s', () => {
  // None, around its own start, shortly before the arrival (newer than all that is known), ahead of it.
  const starts = fc.oneof(
    fc.constant(() => undefined),
    fc.integer({ min: -10, max: 10 }).map((seconds) => () => NOON + seconds * 1000),
    {
      weight: 4,
      arbitrary: fc.integer({ min: 0, max: 900 }).map((ms) => (now: number) => now - ms),
    },
    fc.constantFrom(1, 10 * 24 * 60).map((minutes) => (now: number) => now + minutes * MINUTE),
  )
  const owners = fc.constantFrom(VICTIM, nodeless('victim'))
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ own: fc.integer({ min: 0, max: 1000 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        forger: fc.constantFrom(...(Object.keys(FORGERS) as Forger[])),
        type: fc.constantFrom(PERIODIC, END),
        upload: fc.integer({ min: 0, max: 5000 }),
        sni: fc.constantFrom('a.example', 'b.example', '', 'no name'),
        start: starts,
      }),
    },
    { weight: 3, arbitrary: fc.record({ minutes: fc.constantFrom(0.1, 1, 7, 30) }) },
    {
      weight: 4,
      arbitrary: fc.record({ process: fc.constantFrom('commit', 'restart', 'orphan', 'crash') }),
    },
    { weight: 1, arbitrary: fc.record({ honest: fc.integer({ min: 2, max: 5 }) }) },
  )

  it('whoever sends its id, with any start, at any time', (t) => {
    fc.assert(
      fc.property(owners, fc.array(step, { minLength: 1, maxLength: 25 }), (owner, steps) => {
        const life = new ReceiverLife(t)
        let now = NOON + 1000
        let own = 100
        const others = new Set<number>()
        life.hear(owner, [entry(PERIODIC, own)], now)
        // From then on the receiver knows whose it is, whatever comes.
        life.commit()
        for (const next of steps) {
          now += 1000
          if ('own' in next) {
            own += next.own
            life.hear(owner, [entry(PERIODIC, own)], now)
          } else if ('minutes' in next) {
            life.pass(now, now + next.minutes * MINUTE, 30_000)
            now += next.minutes * MINUTE
          } else if ('process' in next) {
            if (next.process === 'commit') life.commit()
            else if (next.process === 'restart') life.restart(now)
            else if (next.process === 'crash') life.crash(now)
            else {
              life.pass(now, now + 7 * MINUTE, 30_000)
              now += 7 * MINUTE
              life.restart(now)
            }
          } else if ('honest' in next) {
            others.add(next.honest)
            const over = {
              streamId: streamId(next.honest),
              sni: 'other.example',
              startMs: now - 500,
            }
            life.hear(owner, [entry(PERIODIC, 1, over)], now)
          } else {
            const { forger, type, upload, sni, start } = next
            const startMs = start(now)
            const { startMs: _, ...timeless } = entry(type, upload, { sni })
            const forged = startMs === undefined ? timeless : { ...timeless, startMs }
            life.hear(FORGERS[forger], [forged], now)
          }
        }
        life.hear(owner, [entry(END, own)], now + 1000)
        const victims = totalsOf(life, 'victim').filter((line) => line.includes('a.example'))
        assert.deepEqual(victims, [`victim a.example ${own}/${own} 1`])
        assert.deepEqual(
          life.rows(STATES).filter((line) => line.includes('a.example')),
          [`victim a.example closed ${own} `],
        )
      }),
      { numRuns: Number(process.env['SNIMETER_FORGED_IDS'] ?? 40) },
    )
  })
})
