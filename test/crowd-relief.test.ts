import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CrowdRelief } from '../src/crowd-relief.ts'
import { until } from './helpers/until.ts'

/** A committer whose commits end when the test says so. */
class Committing {
  readonly began: PromiseWithResolvers<void>[] = []
  released = 0
  readonly failures: unknown[] = []
  readonly relief: CrowdRelief

  constructor(mostWaitMs?: number) {
    const committer = { ask: () => Promise.resolve(), commitAll: () => this.#commit() }
    const receiver = { release: () => void this.released++ }
    this.relief = new CrowdRelief(committer, receiver, (e) => this.failures.push(e), mostWaitMs)
  }

  async #commit(): Promise<void> {
    const one = Promise.withResolvers<void>()
    this.began.push(one)
    await one.promise
  }
}

describe('room for senders that bring more than memory has room for', () => {
  it('is made by one commit at a time, and then they go on', async () => {
    const fixture = new Committing()
    assert.equal(fixture.relief.begin(), true)
    assert.equal(fixture.relief.begin(), true)
    await until('a commit', () => fixture.began.length === 1)
    assert.equal(fixture.released, 0)
    fixture.began[0]?.resolve()
    await until('they go on', () => fixture.released === 1)
    assert.equal(fixture.relief.begin(), true)
    await until('another commit', () => fixture.began.length === 2)
    fixture.began[1]?.resolve()
    await until('they go on', () => fixture.released === 2)
  })

  it('is not waited for when the file takes too long: memory takes what comes', async () => {
    const fixture = new Committing(20)
    assert.equal(fixture.relief.begin(), true)
    await until('they go on', () => fixture.released === 1)
    assert.equal(fixture.relief.begin(), false)
    fixture.began[0]?.resolve()
    await until('senders may wait again', () => fixture.relief.begin())
  })

  it('a store that has failed is reported, and holds nothing', async () => {
    const fixture = new Committing()
    fixture.relief.begin()
    await until('a commit', () => fixture.began.length === 1)
    fixture.began[0]?.reject(new Error('gone'))
    await until('they go on', () => fixture.released === 1)
    assert.match(String(fixture.failures[0]), /gone/)
  })
})
