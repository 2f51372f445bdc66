import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnoseReceiver } from '../../../src/istio/doctor/live-receiver.ts'
import type { ReceiverGap } from '../../../src/model/receiver-gap.ts'
import type { CertificateReport, OtherCall } from '../../../src/model/receiver-report.ts'

const NOW = Date.UTC(2026, 10, 28, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

function codes(certificate: Partial<CertificateReport>): string[] {
  const report: CertificateReport = {
    certificate: 'server',
    key: 'als.tls.cert_file',
    notBeforeMs: NOW - 45 * DAY,
    notAfterMs: NOW + 45 * DAY,
    broken: '',
    ...certificate,
  }
  return diagnoseReceiver({
    otherCalls: [],
    certificates: [report],
    gap: undefined,
    nowMs: NOW,
  }).map(({ severity, code }) => `${severity} ${code}`)
}

test('a certificate that was not renewed in time is a finding, by the time that is left', () => {
  assert.deepEqual(codes({}), [])
  assert.deepEqual(codes({ notAfterMs: NOW + 15 * DAY }), [])
  assert.deepEqual(codes({ notAfterMs: NOW + 11 * DAY }), ['warning certificate-expires'])
  assert.deepEqual(codes({ notAfterMs: NOW + DAY }), ['error certificate-expires'])
  assert.deepEqual(codes({ notAfterMs: NOW }), ['error certificate-expired'])
})

test('certificates that live for a day or an hour are judged by their own life', () => {
  const day = { notBeforeMs: NOW - 12 * HOUR, notAfterMs: NOW + 12 * HOUR }
  assert.deepEqual(codes(day), [])
  assert.deepEqual(codes({ notBeforeMs: NOW - 20 * HOUR, notAfterMs: NOW + 4 * HOUR }), [
    'warning certificate-expires',
  ])
  assert.deepEqual(codes({ notBeforeMs: NOW - 58 * MINUTE, notAfterMs: NOW + 2 * MINUTE }), [
    'error certificate-expires',
  ])
  const century = { notBeforeMs: NOW - 90 * 365 * DAY, notAfterMs: NOW + 10 * 365 * DAY }
  assert.deepEqual(codes(century), [])
})

test('files that do not work are a finding while the certificate from before is served', () => {
  assert.deepEqual(codes({ broken: 'key values mismatch' }), ['warning certificate-broken'])
})

test('each mistake of a caller has a code and a fix of its own, until half an hour after it stopped', () => {
  const call = (path: string, status: OtherCall['status'] = 'UNIMPLEMENTED'): OtherCall => ({
    path,
    status,
    calls: 3,
    sender: '10.1.2.3:40000',
    calledPath: path,
    lastMs: NOW - MINUTE,
  })
  const otherCalls = [
    call('/envoy.service.accesslog.v2.AccessLogService/StreamAccessLogs'),
    call('/opentelemetry.proto.collector.logs.v1.LogsService/Export'),
    call('/envoy.service.metrics.v3.MetricsService/StreamMetrics'),
    call('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'),
    call('other', 'not_grpc'),
  ]
  const found = diagnoseReceiver({ otherCalls, certificates: [], gap: undefined, nowMs: NOW })
  assert.deepEqual(
    found.map(({ severity, code }) => `${severity} ${code}`),
    [
      'error access-log-v2',
      'error access-log-opentelemetry',
      'warning other-service',
      'note reflection',
      'warning not-grpc',
    ],
  )
  assert.match(found[0]?.fix ?? '', /transport_api_version: V3/)
  const later = { otherCalls, certificates: [], gap: undefined, nowMs: NOW + 30 * MINUTE }
  assert.deepEqual(diagnoseReceiver(later), [])
})

test('a time without a receiver that lost connections is a finding for a day', () => {
  const gap: ReceiverGap = {
    reason: 'stopped',
    fromMs: NOW - HOUR,
    toMs: NOW - HOUR + 90_000,
    nodesBefore: 3,
    lossyNodes: 2,
    connections: 7,
  }
  const found = (changes: Partial<ReceiverGap>, nowMs = NOW) =>
    diagnoseReceiver({
      otherCalls: [],
      certificates: [],
      gap: { ...gap, ...changes },
      nowMs,
    }).map(({ severity, code, wrong }) => `${severity} ${code}: ${wrong}`)
  const rest =
    'and took nothing from 2026-11-28T11:00:00.000Z to 2026-11-28T11:01:30.000Z: 2 of 3 proxies never report a connection that ended in this time (7 were open)'
  assert.deepEqual(found({}), [`warning receiver-gap: it was stopped ${rest}`])
  assert.deepEqual(found({ reason: 'crashed' }), [`warning receiver-gap: it crashed ${rest}`])
  assert.deepEqual(found({ lossyNodes: 0 }), [])
  assert.equal(found({}, gap.toMs + DAY).length, 1)
  assert.deepEqual(found({}, gap.toMs + DAY + 1), [])
})
