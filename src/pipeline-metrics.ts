import type { Committer } from './committer.ts'
import { REJECT_REASONS } from './model/reject-reason.ts'
import type { Pipeline } from './pipeline.ts'
import type { Metrics } from './telemetry/registry.ts'

/** Declares what the pipeline and the committer count. Entries received = applied + rejected, always. */
export function declarePipelineMetrics(
  metrics: Metrics,
  pipeline: Pipeline,
  committer: Committer,
): void {
  const { coverage, ledger, rollup, held, identities, clock } = pipeline
  metrics.counter({
    name: 'snimeter_entries_received_total',
    help: 'Access log entries received.',
    read: () => coverage.entries,
  })
  metrics.counter({
    name: 'snimeter_entries_applied_total',
    help: 'Entries that reached the ledger (or wait for the file to be asked about their connection).',
    read: () => coverage.entries - sum(coverage.rejectedTotals),
  })
  metrics.counter({
    name: 'snimeter_entries_rejected_total',
    help: 'Entries that were refused, by reason.',
    labelNames: ['reason'],
    read: () =>
      REJECT_REASONS.map((reason, i) => ({
        labels: { reason },
        value: coverage.rejectedTotals[i] as number,
      })),
  })
  metrics.counter({
    name: 'snimeter_hop_bytes_total',
    help: 'Bytes of hops, both ways: another proxy of the mesh is billed for them.',
    read: () => coverage.hopBytes,
  })
  metrics.counter({
    name: 'snimeter_streams_without_identifier_total',
    help: 'Streams that sent entries before they said who they are; booked to the unknown source.',
    read: () => pipeline.streamsWithoutIdentifier,
  })
  metrics.counter({
    name: 'snimeter_identifiers_unreadable_total',
    help: 'Identifiers that could not be read; their streams are booked to the unknown source.',
    read: () => pipeline.identifiersUnreadable,
  })
  metrics.counter({
    name: 'snimeter_identifiers_damaged_total',
    help: 'Identifiers with a part that could not be read or is no UTF-8; the rest of them is used.',
    read: () => pipeline.identifiersDamaged,
  })
  metrics.counter({
    name: 'snimeter_moments_not_believed_total',
    help: 'Ends that say a time further back than a backlog explains: booked when they arrived.',
    read: () => pipeline.momentsNotBelieved,
  })
  metrics.gauge({
    name: 'snimeter_ledger_connections',
    help: 'Connection rows in memory, by state.',
    labelNames: ['state'],
    read: () => [
      { labels: { state: 'living' }, value: ledger.living },
      { labels: { state: 'tombstone' }, value: ledger.tombstones },
    ],
  })
  metrics.gauge({
    name: 'snimeter_ledger_table_bytes',
    help: 'Memory of the connection table, its index included.',
    read: () => ledger.table.bytes,
  })
  metrics.gauge({
    name: 'snimeter_ledger_held_samples',
    help: 'Samples that wait for the file to be asked about their connection.',
    read: () => held.size,
  })
  metrics.counter({
    name: 'snimeter_ledger_lookups_total',
    help: 'Connections that the file was asked about.',
    read: () => committer.lookups,
  })
  metrics.gauge({
    name: 'snimeter_rollup_pending_rows',
    help: 'Usage rows that wait for the next commit.',
    read: () => rollup.pendingRows,
  })
  metrics.counter({
    name: 'snimeter_rollup_booked_late_total',
    help: 'Deltas that were booked to a later window than their own.',
    read: () => rollup.bookedLate,
  })
  metrics.counter({
    name: 'snimeter_names_over_budget_total',
    help: 'Connections booked to __other__ because a name budget was spent.',
    read: () => identities.budget.overflows,
  })
  metrics.counter({
    name: 'snimeter_invalid_snis_total',
    help: 'Connections and requests whose SNI is no name: named by the next source, or __invalid__.',
    read: () => pipeline.invalidSnis.count,
  })
  metrics.counter({
    name: 'snimeter_invalid_snis_dropped_total',
    help: 'Invalid SNIs whose text is not kept, because the texts of the day were spent.',
    read: () => pipeline.invalidSnis.dropped,
  })
  metrics.gauge({
    name: 'snimeter_dictionary_values',
    help: 'Values known to this process, by dictionary.',
    labelNames: ['dictionary'],
    read: () =>
      Object.entries(identities.sizes).map(([dictionary, value]) => ({
        labels: { dictionary },
        value,
      })),
  })
  metrics.counter({
    name: 'snimeter_dictionary_overflows_total',
    help: 'Values without room: nodes become the unknown source, workloads __other__, clusters empty.',
    labelNames: ['dictionary'],
    read: () =>
      Object.entries(identities.overflows).map(([dictionary, value]) => ({
        labels: { dictionary },
        value,
      })),
  })
  metrics.counter({
    name: 'snimeter_ledger_pushed_out_total',
    help: 'Open connections of the largest sender that left memory because the whole table was full; each is looked up when it reports again.',
    read: () => ledger.pushedOut,
  })
  metrics.counter({
    name: 'snimeter_share_refusals_total',
    help: 'What a sender was refused because its share of a pool was used up, by pool.',
    labelNames: ['pool'],
    read: () =>
      Object.entries(pipeline.pools).map(([pool, { refusals }]) => ({
        labels: { pool },
        value: refusals,
      })),
  })
  metrics.gauge({
    name: 'snimeter_newest_moment_seconds',
    help: 'Newest arrival or tick that the pipeline has seen, unix time.',
    read: () => clock.newestMs / 1000,
  })
  metrics.counter({
    name: 'snimeter_store_commits_total',
    help: 'Batches committed.',
    read: () => committer.commits,
  })
  metrics.gauge({
    name: 'snimeter_store_last_commit_seconds',
    help: 'Time that the last commit took on the storage thread.',
    read: () => committer.lastCommitMs / 1000,
  })
  metrics.counter({
    name: 'snimeter_store_rows_refused_total',
    help: 'Rows refused for their content and set aside in the file.',
    read: () => committer.rowsRefused,
  })
  metrics.counter({
    name: 'snimeter_store_sums_saturated_total',
    help: 'Sums that reached 2^63-1 and stay there.',
    read: () => committer.saturated,
  })
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
