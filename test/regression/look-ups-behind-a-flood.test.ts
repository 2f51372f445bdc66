import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Committer } from '../../src/committer.ts'
import { defaultConfig } from '../../src/config/load.ts'
import type { StoredConnection } from '../../src/model/connection.ts'
import { Pipeline, type PipelineStream } from '../../src/pipeline.ts'
import { Writer } from '../../src/store/writer.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { NOON, sidecarOf, streamId } from '../helpers/receiver-life.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'

const FLOOD = 5000
const NEIGHBOURS = 3

/** A receiver that has just started over a file, and a store whose answers the test counts. */
class Restarted {
  readonly path: string
  readonly pipeline: Pipeline
  readonly committer: Committer
  /** Ids of each question, in the order in which they were asked. */
  readonly questions: number[] = []
  /** Ids asked about until this id was. */
  readonly #askedUntil = new Map<string, number>()
  readonly #writer: Writer
  #asked = 0

  constructor(t: TestContext) {
    this.path = `${temporaryFolder(t)}/file.db`
    const config = defaultConfig()
    this.#writer = new Writer({
      path: this.path,
      windowSeconds: 60,
      changeWindows: true,
      retention: config.store.retention,
    })
    t.after(() => this.#writer.close())
    const opening = this.#writer.open(NOON)
    const clock = { ...opening.clock, newestStartMs: NOON }
    this.pipeline = new Pipeline(config, { ...opening, clock })
    this.committer = new Committer(this.pipeline, {
      commit: async (batch) => {
        await Promise.resolve()
        return { ...this.#writer.apply(batch), durationMs: 1 }
      },
      lookup: (keys) => this.#lookUp(keys),
    })
  }

  askedUntil(id: number): number {
    return this.#askedUntil.get(streamId(id).replaceAll('-', '')) ?? Number.POSITIVE_INFINITY
  }

  async #lookUp(keys: Uint8Array): Promise<(StoredConnection | undefined)[]> {
    this.questions.push(keys.length / 16)
    for (let at = 0; at < keys.length; at += 16) {
      const key = Buffer.from(keys.subarray(at, at + 16)).toString('hex')
      this.#askedUntil.set(key, ++this.#asked)
    }
    await Promise.resolve()
    return this.#writer.find(keys)
  }
}

/** Ends of connections that began before the receiver did. */
function ends(stream: PipelineStream, pipeline: Pipeline, workload: string, ids: number[]): void {
  const entries = ids.map((id) =>
    tcpEntry({
      streamId: streamId(id),
      type: 3,
      sni: `${workload}.example`,
      startMs: NOON - 1000,
      durationMs: 1000,
      upload: 2,
    }),
  )
  const message = tcpMessage(entries, sidecarOf(workload, `10.0.0.${workload.length}`))
  pipeline.message(stream, message, NOON + 1000)
}

// All ids that waited were one question, in the order of their arrival: an honest neighbour's three waited for
// the thousands before them, and the answers were taken in one turn of the receiving thread.
describe('look-ups of a flood', () => {
  it('are answered in parts, with those of another sender between them, and lose nothing', async (t) => {
    const { pipeline, committer, questions, path } = new Restarted(t)
    const many = Array.from({ length: FLOOD }, (_, i) => 1000 + i)
    ends(pipeline.openStream('10.6.6.6'), pipeline, 'flood', many)
    const few = Array.from({ length: NEIGHBOURS }, (_, i) => i + 1)
    ends(pipeline.openStream('10.1.1.1'), pipeline, 'shop', few)
    assert.equal(pipeline.held.size, FLOOD + NEIGHBOURS)
    await committer.ask()
    await committer.commit()
    assert.equal(Math.max(...questions), 500)
    assert.equal(pipeline.held.size, 0)
    assert.deepEqual(
      select(path, 'SELECT sni, upload_bytes, connections FROM sni_totals ORDER BY 1').map((row) =>
        Object.values(row).join(' '),
      ),
      [`flood.example ${2 * FLOOD} ${FLOOD}`, `shop.example ${2 * NEIGHBOURS} ${NEIGHBOURS}`],
    )
  })

  it('do not go before those of a sender that has few', async (t) => {
    const restarted = new Restarted(t)
    const { pipeline, committer } = restarted
    const many = Array.from({ length: FLOOD }, (_, i) => 1000 + i)
    ends(pipeline.openStream('10.6.6.6'), pipeline, 'flood', many)
    ends(pipeline.openStream('10.1.1.1'), pipeline, 'shop', [1, 2, 3])
    await committer.ask()
    assert.deepEqual(
      [1, 2, 3].map((id) => restarted.askedUntil(id)),
      [2, 4, 6],
    )
  })
})
