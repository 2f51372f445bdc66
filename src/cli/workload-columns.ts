import type { Rows } from './rows.ts'

/** What identifies a workload beside its name and namespace, and is rarely needed to tell two apart. */
const SPARE = ['workload_kind', 'cluster'] as const

/**
 * The rows as a person reads them: namespace and workload in one column (`shop/checkout`), and kind
 * and cluster left out where the rows can be told apart without, unless they were asked for. For
 * tables only: CSV and JSON keep every column.
 */
export function readableWorkloads(
  { columns, rows, ...rest }: Rows,
  counts: ReadonlySet<string>,
  asked: readonly string[],
): Rows {
  let kept = columns.map((_, index) => index)
  const name = (index: number): string => columns[index] ?? ''
  for (const spare of SPARE) {
    const others = kept.filter((index) => name(index) !== spare)
    const groups = others.filter((index) => !counts.has(name(index)))
    const different = new Set(rows.map((row) => groups.map((index) => row[index]).join('\0')))
    if (!asked.includes(spare) && different.size === rows.length) kept = others
  }
  const namespace = columns.indexOf('namespace')
  const workload = columns.indexOf('workload')
  const joined = namespace >= 0 && workload >= 0 && !asked.includes('namespace')
  if (joined) kept = kept.filter((index) => index !== namespace)
  return {
    ...rest,
    columns: kept.map(name),
    rows: rows.map((row) =>
      kept.map((index) =>
        joined && index === workload && row[namespace] !== ''
          ? `${row[namespace]}/${row[workload]}`
          : (row[index] ?? ''),
      ),
    ),
  }
}
