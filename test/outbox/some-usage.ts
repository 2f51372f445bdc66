import type { FrozenUsage, UsageCounts } from '../../src/model/usage-event.ts'

export const NOTHING: UsageCounts = {
  uploadBytes: 0n,
  downloadBytes: 0n,
  estimatedBytes: 0n,
  connectionsOpened: 0n,
  connectionsClosed: 0n,
}

/** A row in its first revision, with round figures. */
export const ROW: FrozenUsage = {
  ledgerId: '6f1c1a52-6b0f-4a5e-9d57-1d8a4c0f0a3b',
  instance: 'snimeter',
  sink: 'kafka',
  windowStartMs: Date.UTC(2026, 10, 24, 18),
  windowSeconds: 60,
  workload: { cluster: 'mesh', namespace: 'shop', kind: 'Deployment', name: 'cart' },
  destination: { name: 'a.example', nameSource: 'sni' },
  revision: 1,
  reason: 'window_closed',
  total: {
    uploadBytes: 1000n,
    downloadBytes: 2000n,
    estimatedBytes: 500n,
    connectionsOpened: 3n,
    connectionsClosed: 2n,
  },
  previous: undefined,
}

/** Revisions of a row with these uploads; the other counters stay. */
export function revisionsOf(row: FrozenUsage, uploads: readonly bigint[]): FrozenUsage[] {
  const totals = uploads.map((uploadBytes) => ({ ...row.total, uploadBytes }))
  return totals.map((total, i) => ({
    ...row,
    revision: i + 1,
    reason: i === 0 ? 'window_closed' : 'late',
    total,
    previous: totals[i - 1],
  }))
}
