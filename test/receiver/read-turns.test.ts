import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ReadTurn, ReadTurns } from '../../src/receiver/read-turns.ts'

/** An event loop by hand: connections that have something to read, and a clock. */
class Loop {
  nowMs = 0
  /** What was read, in order. */
  readonly read: string[] = []
  readonly turns: ReadTurns
  readonly #connections = new Map<string, Connection>()
  #after: (() => void)[] = []

  constructor() {
    this.turns = new ReadTurns(
      () => this.nowMs,
      (then) => this.#after.push(then),
    )
  }

  /** A connection with `chunks` to read, each of which takes `costMs`. */
  connect(name: string, sender: string, chunks: number, costMs: number): Connection {
    const connection = new Connection(chunks, costMs)
    connection.turn = this.turns.join(sender, connection)
    this.#connections.set(name, connection)
    return connection
  }

  /** One turn: everything that is read and has something gives one chunk, in the order of coming. */
  once(): void {
    for (const [name, connection] of this.#connections) {
      if (!connection.isRead || connection.chunks === 0) continue
      connection.chunks--
      connection.turn?.arrived()
      this.nowMs += connection.costMs
      this.read.push(name)
    }
    const after = this.#after
    this.#after = []
    for (const then of after) then()
  }

  get isIdle(): boolean {
    return this.#after.length === 0
  }
}

class Connection {
  isRead = true
  chunks: number
  readonly costMs: number
  turn: ReadTurn | undefined

  constructor(chunks: number, costMs: number) {
    this.chunks = chunks
    this.costMs = costMs
  }

  readStop(): void {
    this.isRead = false
  }

  readStart(): void {
    this.isRead = true
  }
}

describe('turns of reading', () => {
  it('nothing is stopped while turns are short', () => {
    const loop = new Loop()
    for (let i = 0; i < 10; i++) loop.connect(`c${i}`, 'a', 100, 4)
    for (let i = 0; i < 100; i++) loop.once()
    assert.equal(loop.read.length, 1000)
    assert.equal(loop.turns.overlong, 0)
    assert.ok(loop.isIdle)
  })

  it('a turn that takes long ends, and everything else has its turn before the next', () => {
    const loop = new Loop()
    for (let i = 0; i < 10; i++) loop.connect(`c${i}`, 'a', 1, 30)
    loop.once()
    // 0, 30 and 60 ms: the third finds the turn too long, is still handled, and is the last.
    assert.deepEqual(loop.read, ['c0', 'c1', 'c2'])
    for (let i = 0; i < 20; i++) loop.once()
    assert.deepEqual(loop.read, ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9'])
    assert.ok(loop.isIdle)
  })

  it('a sender with one connection is read as often as one with a hundred', () => {
    const loop = new Loop()
    for (let i = 0; i < 99; i++) loop.connect(`flood${i}`, 'a', 1000, 60)
    loop.connect('one', 'b', 20, 1)
    for (let i = 0; i < 100 && loop.read.filter((name) => name === 'one').length < 20; i++)
      loop.once()
    const before = loop.read.lastIndexOf('one')
    assert.equal(loop.read.filter((name) => name === 'one').length, 20)
    // Each turn of the flood lasts as long as one or two of its chunks.
    assert.ok(before <= 20 * 3, `${before} chunks`)
  })

  it('a connection is behind until a turn in which it could have been read', () => {
    const loop = new Loop()
    loop.connect('flood', 'a', 3, 60)
    loop.connect('flood2', 'a', 3, 60)
    const quiet = loop.connect('quiet', 'b', 0, 1)
    loop.once()
    assert.equal(quiet.turn?.isBehind, true)
    for (let i = 0; i < 20; i++) loop.once()
    assert.equal(quiet.turn?.isBehind, false)
    assert.equal(quiet.isRead, true)
  })

  it('a connection that is held is not read until all are released, whatever turns do', () => {
    const loop = new Loop()
    const one = loop.connect('one', 'a', 5, 60)
    const other = loop.connect('other', 'b', 5, 60)
    loop.once()
    loop.turns.hold(one.turn)
    for (let i = 0; i < 20; i++) loop.once()
    assert.deepEqual([one.chunks, other.chunks], [4, 0])
    assert.equal(one.turn?.isBehind, true)
    loop.turns.release()
    for (let i = 0; i < 20; i++) loop.once()
    assert.equal(one.chunks, 0)
    assert.equal(one.turn?.isBehind, false)
    assert.ok(loop.isIdle)
  })

  it('without a name all that are there are held', () => {
    const loop = new Loop()
    const all = ['a', 'b'].map((name) => loop.connect(name, name, 2, 1))
    loop.turns.hold()
    // Every message of what was read before says so again.
    loop.turns.hold()
    loop.turns.hold(all[0]?.turn)
    loop.once()
    assert.deepEqual(loop.read, [])
    loop.turns.release()
    loop.once()
    loop.once()
    assert.ok(all.every(({ chunks }) => chunks === 0))
    assert.equal(loop.turns.holds, 1)
  })

  it('law: everything is read in the end, whoever comes and goes', () => {
    const connection = fc.record({
      sender: fc.constantFrom('a', 'b', 'c'),
      chunks: fc.nat(5),
      costMs: fc.nat(80),
      /** Leaves after so many turns. */
      leaves: fc.option(fc.nat(10), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(connection, { maxLength: 12 }), (connections) => {
        const loop = new Loop()
        const all = connections.map(({ sender, chunks, costMs, leaves }, i) => ({
          leaves,
          connection: loop.connect(`c${i}`, sender, chunks, costMs),
        }))
        for (let turn = 0; turn < 200; turn++) {
          for (const { leaves, connection } of all) {
            if (leaves !== turn || connection.turn === undefined) continue
            loop.turns.leave(connection.turn)
            connection.chunks = 0
          }
          loop.once()
        }
        assert.ok(all.every(({ connection }) => connection.chunks === 0))
        assert.ok(loop.isIdle)
      }),
      { numRuns: 300 },
    )
  })
})
