import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHART } from '../helpers/kubernetes/helm.ts'

const ROOT = join(import.meta.dirname, '../..')
const rule = readFileSync(join(CHART, 'templates/monitoring/prometheus-rule.yaml'), 'utf8')
const expressions = [...rule.matchAll(/^ +expr: (.*)$/gm)].map(([, text]) => text ?? '')

/** One that is removed, from the chart and the page, is missed here. */
const CRITICAL = [
  'SnimeterCertificateExpires',
  'SnimeterCommitsFail',
  'SnimeterDown',
  'SnimeterEndsLost',
  'SnimeterFileRestored',
  'SnimeterNothingHeard',
  'SnimeterRowsRefused',
  'SnimeterTopicLosesEvents',
]
const WARNINGS = [
  'SnimeterCertificateBroken',
  'SnimeterClockSet',
  'SnimeterConnectionsLeaveTheFileEarly',
  'SnimeterConnectionsRefused',
  'SnimeterEntriesRefused',
  'SnimeterEventsParked',
  'SnimeterIdentitiesWithoutRoom',
  'SnimeterLogGrows',
  'SnimeterMeshSetUpWrongly',
  'SnimeterNamesOverBudget',
  'SnimeterNoRoom',
  'SnimeterOthersConnections',
  'SnimeterOverloaded',
  'SnimeterRestartLostConnections',
  'SnimeterSenderUsesUpItsShare',
  'SnimeterSendersDoNotGetThrough',
  'SnimeterShedding',
  'SnimeterSinkBehind',
  'SnimeterSinkLags',
  'SnimeterSinkRefuses',
  'SnimeterSinkRemoved',
  'SnimeterSinksRestarted',
  'SnimeterStoppedReporting',
  'SnimeterStreamsRefusedOrCut',
  'SnimeterUnknownSource',
]

test('the chart has every alert, with its severity', () => {
  const found = rule.split('- alert: ').slice(1)
  const named = (severity: string): string[] =>
    found
      .filter((alert) => alert.includes(`severity: ${severity}\n`))
      .map((alert) => /^\w+/.exec(alert)?.[0] ?? '')
      .sort()
  assert.deepEqual(named('critical'), CRITICAL)
  assert.deepEqual(named('warning'), WARNINGS)
})

test('the alerts of the chart are those of docs/operations.md', () => {
  const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')
  const documented = [...page.matchAll(/^\| [^|`]+ \| `((?:[^`])+)`/gm)]
    .map(([, text]) => text ?? '')
    .filter((text) => /snimeter_\w+.* (?:>|==|<) /.test(text))
  assert.deepEqual(expressions.sort(), documented.sort())
})

test('every metric of an alert is one that the program has', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'))
    .join('\n')
  const metrics = new Set(expressions.join(' ').match(/snimeter_\w+/g))
  assert.ok(metrics.size > 0)
  for (const metric of metrics) assert.ok(sources.includes(`'${metric}'`), metric)
})

test('every alert has a severity and a sentence', () => {
  const alerts = rule.split('- alert: ').slice(1)
  for (const alert of alerts) {
    assert.match(alert, /severity: (?:critical|warning)\n +annotations:\n +summary: .+\.(?:"?)\n/)
  }
  assert.equal(alerts.length, expressions.length)
})

test('an alert about one event ends: a gauge that keeps the last one is bounded in time', () => {
  const gap = expressions.filter((text) => text.includes('snimeter_receiver_gap_'))
  assert.equal(gap.length, 1)
  assert.match(gap[0] ?? '', /and time\(\) - process_start_time_seconds < 86400$/)
})

test('an alert sees an event before the first scrape of a new pod', () => {
  const [step] = expressions.filter((text) => text.includes('snimeter_clock_steps_total'))
  assert.match(step ?? '', /or \((\w+) > 0 unless \1 offset 1h\)$/)
})

test('certificates are judged by their life: one of an hour is not always about to expire', () => {
  const found = expressions.filter((text) => /certificate_expiry|certificate-expire/.test(text))
  assert.deepEqual(found, [
    'snimeter_mesh_findings{severity="error",code=~"certificate-expire.*"} > 0',
  ])
  const [wrong] = expressions.filter((text) => text.startsWith('max by (code)'))
  assert.match(wrong ?? '', /code!~"nothing-heard\|certificate-\.\*"/)
})
