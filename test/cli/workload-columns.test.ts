import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COUNTS } from '../../src/cli/rows.ts'
import { readableWorkloads } from '../../src/cli/workload-columns.ts'

const columns = ['cluster', 'namespace', 'workload_kind', 'workload', 'upload_bytes']

test('namespace and workload become one column, kind and cluster are left out', () => {
  const rows = [
    ['c', 'shop', 'Deployment', 'checkout', 1n],
    ['c', 'ml', 'Job', 'trainer', 1n],
    ['', '', 'unknown', '__unknown__', 0n],
  ]
  assert.deepEqual(readableWorkloads({ columns, rows }, COUNTS, ['workload']), {
    columns: ['workload', 'upload_bytes'],
    rows: [
      ['shop/checkout', 1n],
      ['ml/trainer', 1n],
      ['__unknown__', 0n],
    ],
  })
})

test('what tells two rows apart stays', () => {
  const twoClusters = [
    ['east', 'shop', 'Deployment', 'checkout', 1n],
    ['west', 'shop', 'Deployment', 'checkout', 1n],
  ]
  assert.deepEqual(readableWorkloads({ columns, rows: twoClusters }, COUNTS, []).columns, [
    'cluster',
    'workload',
    'upload_bytes',
  ])
  const twoKinds = [
    ['c', 'shop', 'Deployment', 'checkout', 1n],
    ['c', 'shop', 'Job', 'checkout', 1n],
  ]
  assert.deepEqual(readableWorkloads({ columns, rows: twoKinds }, COUNTS, []).columns, [
    'workload_kind',
    'workload',
    'upload_bytes',
  ])
})

test('what was asked for by name stays, and rows without workloads are left alone', () => {
  const rows = [['c', 'shop', 'Deployment', 'checkout', 1n]]
  const asked = ['namespace', 'cluster', 'workload_kind', 'workload']
  assert.deepEqual(readableWorkloads({ columns, rows }, COUNTS, asked), { columns, rows })
  const bySni = { columns: ['sni', 'upload_bytes'], rows: [['a', 1n]] }
  assert.deepEqual(readableWorkloads(bySni, COUNTS, ['sni']), bySni)
})
