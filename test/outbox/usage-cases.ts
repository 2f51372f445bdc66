import { INVALID_NAME, OTHER_NAME } from '../../src/model/destination.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'
import type { FrozenUsage } from '../../src/model/usage-event.ts'
import { NOTHING, ROW } from './some-usage.ts'

const MAX = 2n ** 63n - 1n

/** One usage for every golden file of test/fixtures/events, by its name. */
export const USAGE_CASES: Readonly<Record<string, FrozenUsage>> = {
  'first-revision': ROW,
  'late-change': {
    ...ROW,
    revision: 2,
    reason: 'late',
    total: {
      uploadBytes: 1500n,
      downloadBytes: 2000n,
      estimatedBytes: 400n,
      connectionsOpened: 3n,
      connectionsClosed: 3n,
    },
    previous: ROW.total,
  },
  'late-first-revision': { ...ROW, reason: 'late', windowSeconds: 300 },
  'beyond-2-53': {
    ...ROW,
    revision: 3,
    reason: 'late',
    total: {
      uploadBytes: MAX,
      downloadBytes: 2n ** 53n + 1n,
      estimatedBytes: MAX - 1n,
      connectionsOpened: 0n,
      connectionsClosed: 0n,
    },
    previous: { ...NOTHING, downloadBytes: MAX, connectionsOpened: MAX },
  },
  'other-name': { ...ROW, destination: { name: OTHER_NAME, nameSource: 'sni' } },
  'invalid-name': { ...ROW, destination: { name: INVALID_NAME, nameSource: 'sni' } },
  'no-name': { ...ROW, destination: { name: '', nameSource: 'none' } },
  'ipv6-address': { ...ROW, destination: { name: '2001:db8::1', nameSource: 'address' } },
  'unknown-workload': { ...ROW, workload: UNKNOWN_NODE.workload },
  'escaped-workload': {
    ...ROW,
    workload: {
      cluster: 'süd/1',
      namespace: '100%',
      kind: 'Job',
      name: 'a "b"\n\u0001 漢\u{1f600}',
    },
  },
  'another-sink': { ...ROW, sink: 'eu-kafka', instance: 'mesh-2' },
}
