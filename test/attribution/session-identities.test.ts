import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UsedIds, UsedIdsWalk } from '../../src/attribution/id-sweep.ts'
import { SessionIdentities } from '../../src/attribution/session-identities.ts'
import type { Definitions } from '../../src/model/batch.ts'
import type { Destination } from '../../src/model/destination.ts'
import { type Node, UNKNOWN_NODE, type Workload } from '../../src/model/source.ts'

const MIDNIGHT = Date.UTC(2026, 10, 25)
const BEFORE_MIDNIGHT = MIDNIGHT - 1
/** Ids are only swept when there are more than this. */
const MANY = 10_000

const sni = (name: string): Destination => ({ name, nameSource: 'sni' })
const workloadNamed = (name: string): Workload => ({
  cluster: 'c1',
  namespace: 'default',
  kind: 'Deployment',
  name,
})
const nodeNamed = (id: string, workload: string): Node => ({
  ...UNKNOWN_NODE,
  id,
  workload: workloadNamed(workload),
})
const SENDER = '10.1.2.3'

/** What streams and rows refer to: nothing, or what `mark` marks. */
const using = (mark: (used: UsedIds) => void): UsedIdsWalk => ({ begin: mark, next: () => true })
const nothing = using(() => undefined)

const TEXTS = ['', 'outbound|443||a.example', 'outbound|443||b.example']

function make(budget: { perWorkloadPerDay?: number; perDay?: number } = {}): SessionIdentities {
  const identities = new SessionIdentities(
    { perWorkloadPerDay: 1_000_000, perDay: 1_000_000, ...budget },
    { text: (id) => TEXTS[id] ?? '' },
  )
  identities.advance(BEFORE_MIDNIGHT)
  return identities
}

/** What ids stand for, as the store learns it. */
class Names {
  readonly #names = new Map<number, string>()

  learn({ destinations }: Definitions): void {
    for (const { id, destination } of destinations) {
      this.#names.set(id, `${destination.nameSource} ${destination.name}`)
    }
  }

  of(ids: readonly number[]): (string | undefined)[] {
    return ids.map((id) => this.#names.get(id))
  }
}

function namesOf(identities: SessionIdentities, ids: readonly number[]): (string | undefined)[] {
  const names = new Names()
  names.learn(identities.cut(nothing))
  return names.of(ids)
}

describe('name budgets', () => {
  it('book names beyond them to __other__, kept apart by where the name came from', () => {
    const identities = make({ perWorkloadPerDay: 2 })
    const ids = [
      sni('a.example'),
      sni('b.example'),
      sni('c.example'),
      { name: 'd.example', nameSource: 'authority' } as const,
      sni('a.example'),
    ].map((destination) => identities.budgetedDestination(0, destination, false, SENDER))
    assert.deepEqual(namesOf(identities, ids), [
      'sni a.example',
      'sni b.example',
      'sni __other__',
      'authority __other__',
      'sni a.example',
    ])
    assert.equal(identities.budget.overflows, 2)
  })

  it('hold for all workloads together, but a name in use is open to everybody', () => {
    const identities = make({ perDay: 1 })
    const ids = [
      identities.budgetedDestination(0, sni('a.example'), false, SENDER),
      identities.budgetedDestination(1, sni('b.example'), false, SENDER),
      identities.budgetedDestination(1, sni('a.example'), false, SENDER),
    ]
    assert.deepEqual(namesOf(identities, ids), ['sni a.example', 'sni __other__', 'sni a.example'])
  })

  it('always have room for reserved names and for no name', () => {
    const identities = make({ perWorkloadPerDay: 0, perDay: 0 })
    const ids = [
      sni('__invalid__'),
      sni('__other__'),
      { name: '', nameSource: 'none' } as const,
    ].map((destination) => identities.budgetedDestination(0, destination, false, SENDER))
    assert.deepEqual(namesOf(identities, [...ids, identities.otherDestination()]), [
      'sni __invalid__',
      'sni __other__',
      'none ',
      'none __other__',
    ])
    assert.equal(identities.budget.overflows, 0)
  })

  it('are not spent by reserved names', () => {
    const identities = make({ perWorkloadPerDay: 1 })
    identities.budgetedDestination(0, sni('__invalid__'), false, SENDER)
    identities.seed(workloadNamed('shop'), sni('__other__'))
    const id = identities.budgetedDestination(0, sni('a.example'), false, SENDER)
    assert.deepEqual(namesOf(identities, [id]), ['sni a.example'])
  })

  it('are not renewed by a restart: the names that the file saw today count', () => {
    const identities = make({ perWorkloadPerDay: 1 })
    identities.seed(workloadNamed('shop'), sni('a.example'))
    const shop = identities.workload(workloadNamed('shop'), SENDER)
    const ids = [
      identities.budgetedDestination(shop, sni('b.example'), false, SENDER),
      identities.budgetedDestination(shop, sni('a.example'), false, SENDER),
    ]
    assert.deepEqual(namesOf(identities, ids), ['sni __other__', 'sni a.example'])
  })

  it('begin anew at midnight, also for a name object that is known by identity', () => {
    const identities = make({ perWorkloadPerDay: 1 })
    const a = sni('a.example')
    const b = sni('b.example')
    const first = identities.budgetedDestination(0, a, false, SENDER)
    const refused = identities.budgetedDestination(0, b, false, SENDER)
    identities.advance(MIDNIGHT)
    const ids = [
      first,
      refused,
      identities.budgetedDestination(0, b, false, SENDER),
      identities.budgetedDestination(0, a, false, SENDER),
    ]
    assert.deepEqual(namesOf(identities, ids), [
      'sni a.example',
      'sni __other__',
      'sni b.example',
      'sni __other__',
    ])
  })

  it('have no say in rows that the file has: their names stay', () => {
    const identities = make({ perWorkloadPerDay: 0 })
    const ids = identities.ofStored({
      node: nodeNamed('sidecar~1', 'shop'),
      workload: workloadNamed('shop'),
      destination: sni('a.example'),
      upstreamCluster: '',
    } as Parameters<SessionIdentities['ofStored']>[0])
    assert.deepEqual(namesOf(identities, [ids.destination]), ['sni a.example'])
    assert.equal(ids.cluster, 0)
  })
})

describe('released ids', () => {
  /** Many names of yesterday, defined and committed. */
  function withManyNames(identities: SessionIdentities): void {
    for (let i = 0; i < MANY; i++)
      identities.budgetedDestination(0, sni(`n${i}.example`), false, SENDER)
    identities.cut(nothing)
    identities.committed()
  }

  it('are those of yesterday that nothing refers to, once, with the first batch of the day', () => {
    const identities = make()
    withManyNames(identities)
    const { node, workload } = identities.node(nodeNamed('sidecar~1', 'shop'), SENDER)
    const alone = identities.workload(workloadNamed('unused'), SENDER)
    const cluster = identities.cluster(1, SENDER)
    identities.cluster(2, SENDER)
    assert.deepEqual(identities.cut(nothing).released.destinations, [])
    identities.advance(MIDNIGHT)
    const walk = using((used) => {
      used.nodes.add(node)
      used.destinations.add(7)
      used.clusters.add(cluster)
    })
    const { released } = identities.cut(walk)
    assert.equal(released.destinations.length, MANY - 1)
    assert.equal(released.destinations.includes(7), false)
    assert.deepEqual(released.nodes, [])
    // The workload of a node in use is in use: the store needs it to define the node again.
    assert.equal(released.workloads.includes(workload), false)
    assert.deepEqual(released.workloads, [alone])
    assert.deepEqual(released.clusters, [2])
    identities.committed()
    assert.deepEqual(identities.cut(nothing).released.destinations, [])
  })

  it('are not those of names that were used today', () => {
    const identities = make()
    withManyNames(identities)
    identities.advance(MIDNIGHT)
    const shop = identities.workload(workloadNamed('shop'), SENDER)
    const name = sni('n42.example')
    const id = identities.budgetedDestination(shop, name, false, SENDER)
    const { released } = identities.cut(nothing)
    assert.equal(released.destinations.length, MANY - 1)
    assert.equal(released.destinations.includes(id), false)
    assert.equal(released.workloads.includes(shop), false)
    assert.equal(identities.budgetedDestination(shop, name, false, SENDER), id)
  })

  it('stand for nothing else until the batch is in the file; a name that comes back is told again', () => {
    const identities = make()
    const name = sni('a.example')
    const first = identities.budgetedDestination(0, name, false, SENDER)
    withManyNames(identities)
    identities.advance(MIDNIGHT)
    assert.equal(identities.cut(nothing).released.destinations.includes(first), true)
    const again = identities.budgetedDestination(0, name, false, SENDER)
    assert.equal(again, MANY + 1)
    assert.deepEqual(identities.cut(nothing).destinations, [{ id: again, destination: name }])
    identities.committed()
    const other = identities.budgetedDestination(0, sni('other.example'), false, SENDER)
    assert.ok(other <= MANY)
    assert.deepEqual(identities.cut(nothing).destinations, [
      { id: other, destination: sni('other.example') },
    ])
  })

  it('are not remembered with the name that had them, once another has', () => {
    const identities = make()
    const old = sni('old.example')
    const first = identities.budgetedDestination(0, old, false, SENDER)
    withManyNames(identities)
    identities.advance(MIDNIGHT)
    identities.cut(nothing)
    identities.committed()
    let taken: Destination | undefined
    for (let i = 0; taken === undefined; i++) {
      const name = sni(`new${i}.example`)
      if (identities.budgetedDestination(0, name, false, SENDER) === first) taken = name
    }
    assert.notEqual(identities.budgetedDestination(0, old, false, SENDER), first)
    assert.equal(identities.budgetedDestination(0, taken, false, SENDER), first)
  })

  it('are few enough to keep while the dictionaries are small', () => {
    const identities = make()
    identities.budgetedDestination(0, sni('a.example'), false, SENDER)
    identities.cut(nothing)
    identities.advance(MIDNIGHT)
    assert.deepEqual(identities.cut(nothing).released, {
      workloads: [],
      nodes: [],
      destinations: [],
      pods: [],
      clusters: [],
    })
  })
})

it('hops have a budget of their own: names that nobody is billed for use up none that are', () => {
  const identities = make({ perWorkloadPerDay: 2, perDay: 2 })
  for (const name of ['x.example', 'y.example', 'z.example']) {
    identities.budgetedDestination(0, sni(name), true, SENDER)
  }
  const id = identities.budgetedDestination(1, sni('a.example'), false, SENDER)
  assert.equal(id, identities.destination(sni('a.example')))
  assert.equal(
    identities.budgetedDestination(0, sni('v.example'), true, SENDER),
    identities.destination({ name: '__other__', nameSource: 'sni' }),
  )
})
