import fc from 'fast-check'
import { INVALID_NAME, OTHER_NAME } from '../../src/model/destination.ts'
import type { FrozenUsage, UsageCounts } from '../../src/model/usage-event.ts'

const MAX = 2n ** 63n - 1n

const count = fc.oneof(fc.bigInt(0n, 2000n), fc.bigInt(0n, MAX), fc.constant(MAX))
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.stringMatching(/^[a-z/%é"]*$/),
)

/** Any counters; they may be lower than those of the revision before. */
const anyCounts: fc.Arbitrary<UsageCounts> = fc.record({
  uploadBytes: count,
  downloadBytes: count,
  estimatedBytes: count,
  connectionsOpened: count,
  connectionsClosed: count,
})

/** Any workload; cluster and namespace may be empty. */
export const anyWorkload = fc.record({
  cluster: text,
  namespace: text,
  kind: text.map((text) => text || 'Pod'),
  name: text.map((text) => text || 'p'),
})

const anyDestination = fc.record({
  name: fc.constantFrom('', OTHER_NAME, INVALID_NAME, '2001:db8::1', 'a_b.example', 'a.example'),
  nameSource: fc.constantFrom('sni', 'cluster', 'authority', 'address', 'none'),
} as const)

/** Any revision of any row. */
export const anyUsage: fc.Arbitrary<FrozenUsage> = fc
  .record({
    ledgerId: fc.uuid(),
    instance: fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?$/),
    sink: fc.constantFrom('kafka', 'files'),
    windowStartMs: fc.integer({ min: 0, max: 4_000_000_000 }).map((second) => second * 1000),
    windowSeconds: fc.constantFrom(1, 60, 3600, 86_400),
    workload: anyWorkload,
    destination: anyDestination,
    revision: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1 })),
    reason: fc.constantFrom('window_closed', 'late'),
    total: anyCounts,
  } as const)
  .chain((usage) =>
    (usage.revision === 1 ? fc.constant(undefined) : anyCounts).map((previous) => ({
      ...usage,
      previous,
    })),
  )

/** All revisions of any row, in order. */
export const anyRevisions: fc.Arbitrary<readonly FrozenUsage[]> = fc
  .tuple(anyUsage, fc.array(anyCounts, { minLength: 1, maxLength: 5 }))
  .map(([usage, totals]) =>
    totals.map((total, i) => ({ ...usage, revision: i + 1, total, previous: totals[i - 1] })),
  )
