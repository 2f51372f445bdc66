import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { FloodedReceiver, type Report } from '../helpers/flooded-receiver.ts'

// 1.1 million connections that never end filled the ledger: those of honest pods were booked at their
// end only, under __other__.

const MAX = 1000
const MINUTE = 60_000

describe('a neighbour of floods that fill the ledger', () => {
  let receiver: FloodedReceiver
  let connections = 0
  /** What each connection of a flood has reported, at most. */
  let flooded = new Map<number, number>()

  beforeEach(() => {
    receiver = new FloodedReceiver({ ledger: { maxConnections: MAX, maxRequests: MAX / 100 } })
    connections = 0
    flooded = new Map()
  })
  afterEach(() => receiver.close())

  const news = (count: number, change: Partial<Report> = {}): Report[] =>
    Array.from({ length: count }, () => ({
      id: ++connections,
      sni: `x-${connections % 50}.example`,
      upload: 3,
      ...change,
    }))

  function flood(sender: string, reports: readonly Report[]): void {
    receiver.report(receiver.connect(sender, 'flood', 'w'), ...reports)
    for (const { id, upload } of reports) flooded.set(id, upload)
  }

  /** The neighbour's connections from their beginning to their end; each has a name of its own. */
  function neighbour(count: number): Record<string, string> {
    const stream = receiver.connect('10.0.0.1', 'default', 'shop')
    const own = Array.from({ length: count }, () => ++connections)
    const startedAt = receiver.now - receiver.startMs
    const report = (upload: number, final = false) =>
      receiver.report(
        stream,
        ...own.map((id) => ({ id, sni: `a-${id}.example`, upload, final, startedAt })),
      )
    report(10)
    receiver.pass(MINUTE)
    report(20)
    receiver.pass(MINUTE)
    report(30, true)
    receiver.commit()
    return Object.fromEntries(own.map((id): [string, string] => [`shop a-${id}.example`, '30/0']))
  }

  const bytesIn = (table: string) =>
    receiver.read<{ bytes: number }>(`SELECT coalesce(sum(upload), 0) AS bytes FROM ${table}`)[0]
      ?.bytes
  const states = (state: string) =>
    receiver.read<{ n: number }>(
      `SELECT count(*) AS n FROM connections WHERE state = '${state}' AND namespace = 'flood'`,
    )[0]?.n

  it('keeps its names and bytes beside connections that never end', () => {
    flood('10.0.0.66', news(5 * MAX))
    receiver.commit()
    // A lone sender gets what is configured; beyond it nothing is booked before the end.
    assert.equal(states('open'), MAX)
    assert.deepEqual(neighbour(20), receiver.totals('default'))
    assert.equal(bytesIn('usage_minute'), bytesIn('connection'))
  })

  it('keeps them after a restart, when nobody knows whose the open connections are', () => {
    flood('10.0.0.66', news(5 * MAX))
    receiver.commit()
    receiver.restart()
    flood('10.0.0.66', news(5 * MAX))
    assert.deepEqual(neighbour(20), receiver.totals('default'))
    assert.equal(bytesIn('usage_minute'), bytesIn('connection'))
  })

  it('keeps them beside connections that say nothing', () => {
    flood('10.0.0.66', news(5 * MAX, { sni: '', upload: 0 }))
    assert.deepEqual(neighbour(20), receiver.totals('default'))
  })

  it('keeps them beside ends that the file has not got yet', () => {
    flood('10.0.0.66', news(5 * MAX, { final: true }))
    // Its only report, before the next commit.
    const stream = receiver.connect('10.0.0.1', 'default', 'shop')
    receiver.report(stream, { id: ++connections, sni: 'a.example', upload: 10, final: true })
    receiver.commit()
    assert.deepEqual(receiver.totals('default'), { 'shop a.example': '10/0' })
    assert.equal(bytesIn('usage_minute'), bytesIn('connection'))
  })

  it('keeps them when many senders fill the whole table, and those lose no byte that was booked', () => {
    const senders = Array.from({ length: 60 }, (_, i) => `10.0.9.${i}`)
    const opened = senders.map((sender) => ({ sender, reports: news(MAX / 5) }))
    for (const { sender, reports } of opened) flood(sender, reports)
    receiver.commit()
    // What fits beside a full table comes from rows of the largest sender that the file has.
    for (let i = 0; i < 3; i++) {
      for (const { sender } of opened) flood(sender, news(40, { final: true }))
      receiver.commit()
    }
    assert.deepEqual(neighbour(10), receiver.totals('default'))
    const { table, pushedOut } = receiver.pipeline.ledger
    assert.ok(table.size <= table.maxRows)
    assert.ok(pushedOut > 0)
    // Each connection of the flood reports again: what was pushed out is looked up, not counted again.
    const booked = receiver.read<{ n: number }>(
      "SELECT count(*) AS n FROM connections WHERE namespace = 'flood' AND upload_bytes <> 3",
    )
    assert.equal(booked[0]?.n, 0)
    for (const { sender, reports } of opened) {
      flood(
        sender,
        reports.map((report) => ({ ...report, startedAt: 0 })),
      )
      receiver.commit()
    }
    assert.equal(bytesIn('usage_minute'), bytesIn('connection'))
    assert.equal(
      receiver.read("SELECT 1 FROM connections WHERE namespace = 'flood' AND upload_bytes <> 3")
        .length,
      0,
    )
  })

  it('keeps what waits for the file when a flood asks for connections of long ago', () => {
    receiver.pass(MINUTE)
    const stream = receiver.connect('10.0.0.1', 'default', 'shop')
    receiver.report(stream, { id: 1, sni: 'a.example', upload: 10 })
    receiver.commit()
    receiver.restart()
    connections = 1000
    const attacker = receiver.connect('10.0.0.66', 'flood', 'w')
    for (let i = 0; i < 160; i++) {
      receiver.send(attacker, ...news(1000, { startedAt: 0 }))
    }
    assert.ok(receiver.pipeline.held.size <= 150_000)
    const again = receiver.connect('10.0.0.1', 'default', 'shop')
    receiver.send(again, { id: 2, sni: 'b.example', upload: 7, startedAt: 0 })
    receiver.send(again, { id: 3, sni: 'b.example', upload: 8, startedAt: 0, final: true })
    receiver.answer()
    receiver.commit()
    assert.deepEqual(receiver.totals('default'), {
      'shop a.example': '10/0',
      'shop b.example': '15/0',
    })
  })
})
