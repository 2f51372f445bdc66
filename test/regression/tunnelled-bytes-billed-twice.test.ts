import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Meter, type StoredConnection } from '../../src/model/connection.ts'
import { NO_COUNTER } from '../../src/model/sample.ts'
import { capturePath } from '../helpers/captures.ts'
import { runCommand } from '../helpers/command.ts'
import { databaseIn } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { totalsByName } from '../helpers/totals.ts'
import { LedgerFixture, NOON } from '../ledger/ledger-fixture.ts'

const PERIODIC = 2
const END = 3

// In a tunnel through an HTTP proxy (CONNECT, POST) Envoy's upstream meter counts the payload twice.
describe('bytes that pass a tunnel', () => {
  it('are billed once: a recorded CONNECT tunnel, replayed twice', async (t) => {
    const db = databaseIn(temporaryFolder(t))
    for (let run = 0; run < 2; run++) {
      const result = await runCommand(['replay', '--db', db, capturePath('1.40.0/tunnel')])
      assert.equal(result.code, 0, result.stderr)
      assert.deepEqual(totalsByName(db), {
        'bucket.example.com': { upload: 503_146n, download: 2_510_101n, connections: 5n },
      })
    }
  })

  it('are none while only the tunnel itself has been opened', () => {
    const f = new LedgerFixture()
    const plain = { plainUpload: 0, plainDownload: 0 }
    f.hear({ type: PERIODIC, upload: 93, download: 19, ...plain, start: 0, at: 1000 })
    assert.deepEqual(f.totals(), { upload: 0, download: 0, opened: 1, closed: 0 })
  })

  it('are not billed again to a connection whose doubled maximum an older version stored', () => {
    const file = new Map<string, StoredConnection>()
    const before = new LedgerFixture()
    // The older version took the wire counters as they are.
    const doubled = { plainUpload: NO_COUNTER, plainDownload: NO_COUNTER }
    before.hear({ type: PERIODIC, upload: 2000, download: 20, ...doubled, start: 0, at: 1000 })
    before.commitTo(file)
    assert.equal([...file.values()][0]?.meter, Meter.wire)

    const f = new LedgerFixture({}, NOON)
    const hear = (plain: number, at: number, type = PERIODIC) => {
      const counters = { upload: 2 * plain, download: 20, plainUpload: plain, plainDownload: 10 }
      f.hear({ type, ...counters, start: 0, at })
      f.answerFrom(file)
    }
    hear(1500, 2000)
    assert.deepEqual(f.totals(), { upload: 0, download: 0, opened: 0, closed: 0 })
    hear(2500, 3000, END)
    assert.deepEqual(f.totals(), { upload: 500, download: 0, opened: 0, closed: 1 })
  })

  it('law: what is billed is the highest of the smaller counters, in any order of any samples', () => {
    const counter = fc.integer({ min: 0, max: 1000 })
    const plain = fc.option(counter, { nil: NO_COUNTER })
    const sample = fc.record({ wire: counter, plain })
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 8 }), (samples) => {
        const f = new LedgerFixture()
        samples.forEach(({ wire, plain: plainUpload }, i) => {
          f.hear({ type: PERIODIC, upload: wire, plainUpload, start: 0, at: 1000 * (i + 1) })
        })
        const smaller = samples.map((one) =>
          one.plain === NO_COUNTER ? one.wire : Math.min(one.wire, one.plain),
        )
        assert.equal(f.totals().upload, Math.max(...smaller))
      }),
    )
  })
})
