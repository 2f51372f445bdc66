import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { FloodedReceiver } from '../helpers/flooded-receiver.ts'
import { inventedSidecars } from '../helpers/invented.ts'

// One sender invented 130,000 node ids in six seconds: until midnight every new pod of the mesh was
// booked to the unknown source.

const MINUTE = 60_000

describe('node ids that a sender invents', () => {
  const receiver = new FloodedReceiver()
  after(() => receiver.close())
  const { identities } = receiver.pipeline

  it('take nothing from pods of other senders, and those of the lone sender are bounded as ever', () => {
    const neighbour = receiver.connect('10.0.0.1', 'default', 'shop')
    receiver.report(neighbour, { id: 1, sni: 'a.example', upload: 10 })
    const flood = receiver.pipeline.openStream('10.0.0.66')
    const invented = inventedSidecars()
    for (let i = 0; i < 105_000; i++) {
      receiver.pipeline.message(flood, invented(i), receiver.now)
    }
    // Two of the neighbour's and the unknown source are held, so a little less than all is left.
    assert.ok(identities.overflows.nodes >= 5000, `${identities.overflows.nodes}`)
    assert.ok(identities.overflows.nodes <= 5010, `${identities.overflows.nodes}`)
    for (let i = 2; i < 500; i++) {
      const stream = receiver.connect(`10.0.1.${i}`, 'default', `new-${i}`)
      receiver.report(stream, { id: i, sni: `n${i}.example`, upload: i })
    }
    receiver.commit()
    const totals = Array.from({ length: 498 }, (_, i): [string, string] => [
      `new-${i + 2} n${i + 2}.example`,
      `${i + 2}/0`,
    ])
    assert.deepEqual(
      receiver.totals('default'),
      Object.fromEntries([...totals, ['shop a.example', '10/0']]),
    )
    assert.equal(receiver.read("SELECT 1 FROM usage WHERE workload = '__unknown__'").length, 0)
  })

  it('leave memory when nothing refers to them any more, without waiting for midnight', () => {
    // Only its last id is that of an open stream; no connection was reported.
    receiver.pass(10 * MINUTE)
    assert.ok(identities.sizes.nodes <= 510, `${identities.sizes.nodes}`)
    // The day's new ones are rows of the file: those of the flood are used up, other senders' are not.
    const invented = inventedSidecars()
    const flood = receiver.pipeline.openStream('10.0.0.66')
    for (let i = 200_000; i < 201_000; i++) {
      receiver.pipeline.message(flood, invented(i), receiver.now)
    }
    assert.ok(identities.sizes.nodes <= 520, `${identities.sizes.nodes}`)
    const stream = receiver.connect('10.0.0.1', 'default', 'shop', 'shop-9')
    receiver.report(stream, { id: 1000, sni: 'a.example', upload: 5 })
    receiver.commit()
    assert.equal(receiver.totals('default')['shop a.example'], '15/0')
  })
})
