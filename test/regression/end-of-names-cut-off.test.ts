import assert from 'node:assert/strict'
import { test } from 'node:test'
import { displayWidth } from '../../src/cli/display-width.ts'
import { Writer } from '../../src/store/writer.ts'
import { runCommand } from '../helpers/command.ts'
import { databaseIn } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { hasTerminals, linesOnTerminal } from '../helpers/terminal.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const LONG = 'eu-datasets-archive-2026.oss-cn-shanghai-internal.aliyuncs.com'
const WORKLOAD = 'checkout-recommendations-worker'

test('at 80 columns both ends of a name are there, and what matters less is left out', {
  skip: hasTerminals ? false : 'needs Python 3',
}, async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const writer = new Writer({
    path: db,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: [{ sni: LONG, workload: WORKLOAD, upload: 2 ** 30, download: 5, opened: 2 }],
      connections: [{ id: 1, sni: LONG, state: 2, upload: 3, lastArrivalMs: NOON }],
    }),
  )
  writer.close()
  const query = ['query', '--db', db, '--by', 'workload,sni']
  const connections = ['connections', '--db', db]
  // A terminal that does not say how wide it is counts as one of 80 columns.
  for (const columns of [80, 0]) {
    assert.deepEqual(linesOnTerminal(columns, query), [
      'WORKLOAD                       SNI                              UPLOAD  DOWNLOAD',
      'default/checko…dations-worker  eu-datasets-arc…l.aliyuncs.com  1.0 GiB       5 B',
      '(no room for CONNECTIONS: a wider terminal, or a pipe, has them)',
    ])
    assert.deepEqual(linesOnTerminal(columns, connections), [
      'WORKLOAD      POD    SNI                                        UPLOAD  DOWNLOAD',
      'default/shop  pod-1  eu-datasets-archive-…nternal.aliyuncs.com     3 B       0 B',
      '(no room for STATE, STARTED AT, LAST SEEN AT, CONNECTION ID: a wider terminal, …',
    ])
  }
  assert.match(
    linesOnTerminal(200, connections)[1] ?? '',
    /^closed +default\/shop +pod-1 +eu-.*\.com +3 B +0 B +2026/,
  )
  for (const columns of [30, 60]) {
    for (const line of [
      ...linesOnTerminal(columns, query),
      ...linesOnTerminal(columns, connections),
    ]) {
      assert.ok(displayWidth(line) <= columns, line)
    }
  }
  // Into a pipe nothing is cut and nothing is left out.
  assert.deepEqual((await runCommand(query)).stdout.split('\n'), [
    `${'WORKLOAD'.padEnd(39)}  ${'SNI'.padEnd(LONG.length)}   UPLOAD  DOWNLOAD  CONNECTIONS`,
    `default/${WORKLOAD}  ${LONG}  1.0 GiB       5 B            2`,
    '',
  ])
  assert.match((await runCommand(connections)).stdout, /\nclosed +default\/shop +pod-1 .*000001\n/)
})
