import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EntryType, identifierField, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { ReplayedFile } from '../helpers/replayed-file.ts'

const NOON = Date.UTC(2026, 10, 24, 12)

// A sender that called its workload `__unknown__` was shown as the source of all senders that do not say
// who they are, `__other__` as the one beyond the budgets.
it('a sender cannot be booked under our own names', async (t) => {
  const file = new ReplayedFile(t)
  const forged = ['__unknown__', '__other__', '__invalid__', '\u200b_unknown__']
  const messages = [undefined, ...forged].map((name, i) => {
    const entry = tcpEntry({
      streamId: `00000000-0000-4000-8000-00000000000${i}`,
      type: EntryType.tcpConnectionEnd,
      sni: 'a.example',
      startMs: NOON,
      upload: 10 ** i,
    })
    const node =
      name === undefined
        ? undefined
        : identifierField({
            id: `envoy-${i}`,
            cluster: '',
            metadata: { WORKLOAD_NAME: name, NAMESPACE: name, NAME: name },
            envoy: [1, 40, 0],
          })
    return { stream: i + 1, ms: NOON + 1000, message: tcpMessage([entry], node) }
  })
  await file.replay(messages)
  assert.deepEqual(
    file.rows('SELECT namespace, workload, upload_bytes FROM workload_totals ORDER BY workload'),
    [
      ['', '__unknown__', 1],
      ['~__invalid__', '~__invalid__', 1000],
      ['~__other__', '~__other__', 100],
      ['~__unknown__', '~__unknown__', 10_010],
    ],
  )
  assert.deepEqual(
    file.rows("SELECT DISTINCT pod FROM connections WHERE pod LIKE '\\_\\_%' ESCAPE '\\'"),
    [],
  )
})
