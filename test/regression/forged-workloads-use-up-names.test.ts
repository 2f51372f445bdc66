import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { FloodedReceiver, type Report } from '../helpers/flooded-receiver.ts'

// Fifty forged workloads used up the day's names: until midnight every new name of the mesh was booked
// to __other__.

const NAMES = { perDay: 10_000, perWorkloadPerDay: 1000 }

describe("the day's names under a flood", () => {
  let receiver: FloodedReceiver
  let connections = 0
  /** Bytes that the flood has reported. */
  let flooded = 0

  beforeEach(() => {
    receiver = new FloodedReceiver({ names: NAMES })
    connections = 0
    flooded = 0
  })
  afterEach(() => receiver.close())

  /** One report each of `count` connections to names of their own. */
  const namesOf = (prefix: string, count: number, upload: number): Report[] =>
    Array.from({ length: count }, (_, i) => ({
      id: ++connections,
      sni: `${prefix}-${i}.example`,
      upload,
    }))

  function flood(sender: string, workloads: number, names: number, namespace = 'flood'): void {
    for (let w = 0; w < workloads; w++) {
      const workload = namespace === 'flood' ? `w${w}` : 'shop'
      const stream = receiver.connect(sender, namespace, workload, `pod-${w}`)
      receiver.report(stream, ...namesOf(`${sender}-${w}`, names, 1))
      flooded += names
    }
  }

  /** The neighbour connects to `count` names that it has not used before. */
  function neighbour(prefix: string, count: number): Record<string, string> {
    const stream = receiver.connect('10.0.0.1', 'default', 'shop')
    receiver.report(stream, ...namesOf(prefix, count, 100))
    receiver.commit()
    return Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`shop ${prefix}-${i}.example`, '100/0']),
    )
  }

  const namesOfNeighbour = (prefix: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(receiver.totals('default')).filter(([pair]) =>
        pair.startsWith(`shop ${prefix}-`),
      ),
    )

  const bytesOf = (namespace: string): number =>
    receiver.read<{ bytes: number }>(
      `SELECT coalesce(sum(upload_bytes), 0) AS bytes FROM usage WHERE namespace = '${namespace}'`,
    )[0]?.bytes ?? 0

  it('leaves a neighbour its new names, whichever came first, and after a restart', () => {
    const early = neighbour('early', 50)
    flood('10.0.0.66', 50, 300)
    const during = neighbour('during', 100)
    assert.deepEqual(namesOfNeighbour('early'), early)
    assert.deepEqual(namesOfNeighbour('during'), during)
    // The flood got what one sender may have, and its bytes are all there.
    assert.ok(receiver.pipeline.identities.budget.names.held('10.0.0.66') <= NAMES.perDay)
    assert.equal(bytesOf('flood'), flooded)
    receiver.restart()
    flood('10.0.0.66', 50, 300)
    assert.deepEqual(neighbour('after', 100), namesOfNeighbour('after'))
    assert.equal(bytesOf('flood'), flooded)
    assert.equal(bytesOf('default'), 250 * 100)
  })

  it('leaves a neighbour its new names when many senders flood', () => {
    for (let i = 0; i < 30; i++) flood(`10.0.9.${i}`, 2, 400)
    assert.deepEqual(neighbour('during', 150), namesOfNeighbour('during'))
    assert.equal(bytesOf('flood'), flooded)
    assert.ok(receiver.pipeline.identities.budget.names.total <= NAMES.perDay * 3)
  })

  it('leaves a workload its new names when others say that they are that workload', () => {
    for (let i = 0; i < 5; i++) flood(`10.0.9.${i}`, 1, 2000, 'default')
    assert.deepEqual(neighbour('during', 20), namesOfNeighbour('during'))
    receiver.restart()
    for (let i = 0; i < 5; i++) flood(`10.0.9.${i}`, 1, 2000, 'default')
    assert.deepEqual(neighbour('after', 20), namesOfNeighbour('after'))
    assert.equal(bytesOf('default'), flooded + 40 * 100)
  })

  it('lets a lone sender use the whole budget, and no more after a restart than before', () => {
    flood('10.0.0.7', 20, 600)
    const names = () =>
      receiver.read<{ n: number }>(
        "SELECT count(DISTINCT sni) AS n FROM sni_totals WHERE sni <> '__other__'",
      )[0]?.n ?? 0
    receiver.commit()
    assert.equal(names(), NAMES.perDay)
    receiver.restart()
    flood('10.0.0.7', 20, 700)
    receiver.commit()
    // Each sender is sure of a fiftieth, also one that the file does not know any more.
    assert.equal(names(), NAMES.perDay * 1.02)
  })
})
