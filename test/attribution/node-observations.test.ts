import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NodeObservations } from '../../src/attribution/node-observations.ts'
import { SHAPES, Shape } from '../../src/model/entry-shape.ts'
import { NO_TIME } from '../../src/model/sample.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const MINUTE = 60_000
const NODE = { ...UNKNOWN_NODE, id: 'sidecar~1', envoyVersion: '1.40.0' }

function shapes(...counts: readonly [shape: number, count: number][]): Float64Array {
  const made = new Float64Array(SHAPES)
  for (const [shape, count] of counts) made[shape] = count
  return made
}

function observing(): NodeObservations {
  const observations = new NodeObservations()
  observations.at(NOON)
  return observations
}

describe('observations of a node', () => {
  it('count entries by what they are', () => {
    const observations = observing()
    const told = shapes(
      [0, 5],
      [Shape.final, 3],
      [Shape.final | Shape.long, 2],
      [Shape.final | Shape.untyped, 1],
      [Shape.final | Shape.request, 7],
    )
    observations.heard(NODE, told, 4, NOON - 1000, NOON)
    observations.attributed(NODE, true)
    observations.attributed(NODE, false)
    observations.endedAgain(NODE)
    observations.reportedOthers(NODE)
    observations.disbelieved(NODE, 2, 500)
    observations.disbelieved(NODE, 1, 300)
    assert.deepEqual(
      [...observations.reports()],
      [
        {
          node: NODE,
          envoyMinor: 1040,
          entries: 18,
          periodic: 5,
          ends: 6,
          longEnds: 2,
          untypedEnds: 1,
          withoutId: 4,
          connections: 2,
          unnamed: 1,
          endedAgain: 1,
          ofOthers: 1,
          disbelieved: 3,
          furthestMs: 500,
          lagMs: 1000,
          messagesWithEnds: 1,
        },
      ],
    )
  })

  it('keep the least lag, and none where no end was told', () => {
    const observations = observing()
    for (const end of [NOON - 5000, NO_TIME, NOON - 700, NOON - 9000]) {
      observations.heard(NODE, shapes([Shape.final, 1]), 0, end, NOON)
    }
    const other = { ...NODE, id: 'sidecar~2' }
    observations.heard(other, shapes([0, 1]), 0, NO_TIME, NOON)
    const lags = [...observations.reports()].map((report) => [
      report.lagMs,
      report.messagesWithEnds,
    ])
    assert.deepEqual(lags, [
      [700, 3],
      [undefined, 0],
    ])
  })

  it('are forgotten after a quarter to half an hour', () => {
    const observations = observing()
    observations.heard(NODE, shapes([0, 1]), 0, NO_TIME, NOON)
    observations.at(NOON + 15 * MINUTE)
    observations.heard(NODE, shapes([0, 2]), 0, NO_TIME, NOON)
    assert.deepEqual([[...observations.reports()][0]?.entries, observations.sinceMs], [3, NOON])
    observations.at(NOON + 30 * MINUTE)
    assert.equal([...observations.reports()][0]?.entries, 2)
    assert.equal(observations.sinceMs, NOON + 15 * MINUTE)
    observations.at(NOON + 45 * MINUTE)
    assert.deepEqual([...observations.reports()], [])
  })
})
