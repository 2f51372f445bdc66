import type { ReceiverGap } from '../../model/receiver-gap.ts'
import type { CertificateReport, OtherCall } from '../../model/receiver-report.ts'
import { error, type Finding, note, warning } from './finding.ts'

/** What a receiver knows of itself and of who calls it. */
export interface LiveReceiver {
  readonly otherCalls: readonly OtherCall[]
  readonly certificates: readonly CertificateReport[]
  /** The time without a receiver before it. */
  readonly gap: ReceiverGap | undefined
  /** Sinks that get nothing, since the file is an older copy. */
  readonly restored?: readonly string[]
  /** The wall clock, unix ms. */
  readonly nowMs: number
}

/** A mistake that is fixed stops being a finding after this, ms. */
const RECENT_MS = 30 * 60_000
const DAY_MS = 86_400_000

/** Everything that is wrong with how the receiver is called, and with its certificates. */
export function diagnoseReceiver({
  otherCalls,
  certificates,
  gap,
  restored = [],
  nowMs,
}: LiveReceiver): Finding[] {
  return [
    ...otherCalls.filter(({ lastMs }) => nowMs - lastMs < RECENT_MS).map(otherCallFinding),
    ...certificates.flatMap((one) => certificateFindings(one, nowMs)),
    ...gapFindings(gap, nowMs),
    ...restored.map(restoredFinding),
  ]
}

/** What a restart lost is said for a day; the view `receiver_gaps` keeps it. */
function gapFindings(gap: ReceiverGap | undefined, nowMs: number): Finding[] {
  if (gap === undefined || gap.lossyNodes === 0 || nowMs - gap.toMs > DAY_MS) return []
  const from = new Date(gap.fromMs).toISOString()
  const to = new Date(gap.toMs).toISOString()
  const how = gap.reason === 'stopped' ? 'was stopped' : 'crashed'
  return [
    warning(
      'receiver-gap',
      'the receiver',
      `it ${how} and took nothing from ${from} to ${to}: ${gap.lossyNodes} of ${gap.nodesBefore} proxies never report a connection that ended in this time (${gap.connections} were open)`,
      'upgrade the proxies to Envoy 1.39 (it keeps entries while no receiver answers), and keep restarts short; see the view receiver_gaps',
    ),
  ]
}

function restoredFinding(sink: string): Finding {
  return error(
    'restored-file',
    `sink ${sink}`,
    'the file is an older copy of one that has sent under this name: nothing is sent, since its ids are out already',
    'start with the newest file, or give the sink a new name and bill the old one up to the restore (docs/kafka.md, "Restoring an older file")',
  )
}

/** What a caller of a path does wrong; the first pattern that matches. */
const CALLS: readonly {
  readonly path: RegExp
  readonly make: typeof error
  readonly code: string
  readonly wrong: string
  readonly fix: string
}[] = [
  {
    path: /^\/envoy\.service\.accesslog\.v2\./,
    make: error,
    code: 'access-log-v2',
    wrong: 'an Envoy sends its access log with the v2 API, of which nothing is counted',
    fix: 'set transport_api_version: V3 in the common_config of its access logger',
  },
  {
    path: /^\/opentelemetry\.proto\.collector\.logs\./,
    make: error,
    code: 'access-log-opentelemetry',
    wrong: 'an access log arrives as OpenTelemetry logs, of which nothing is counted',
    fix: 'use envoyTcpAls (Envoy: envoy.access_loggers.tcp_grpc), not envoyOtelAls, for this receiver',
  },
  {
    path: /^\/grpc\.reflection\./,
    make: note,
    code: 'reflection',
    wrong: 'a client asks for gRPC reflection, which is not served',
    fix: 'give the client the .proto files (grpcurl -proto), or ask grpc.health.v1.Health/Check',
  },
  {
    path: /./,
    make: warning,
    code: 'other-service',
    wrong: 'a client calls a service that is not served on the access log port',
    fix: 'point it at its own backend: stats sinks, tracers and collectors are not served here',
  },
]

function otherCallFinding(call: OtherCall): Finding {
  const { path, status, calls, sender, calledPath } = call
  if (path === 'none') return connectionFinding(call)
  if (status === 'not_grpc') {
    return warning(
      'not-grpc',
      `caller ${sender}`,
      `${calls} requests on the access log port are not gRPC; the newest was for ${calledPath}`,
      'probe and scrape the HTTP port (http.listen); only gRPC goes to als.listen',
    )
  }
  const { make, code, wrong, fix } = CALLS.find((one) => one.path.test(path)) ?? FALLBACK
  return make(code, `caller ${sender}`, `${wrong}: ${calls} calls of ${calledPath}`, fix)
}

/** What OpenSSL says where the caller refuses the certificate that it is shown. */
const CALLER_REFUSES = /ALERT/

/** Nothing of such a caller is counted, whoever it is. */
function connectionFinding({ status, calls, sender, calledPath: detail }: OtherCall): Finding {
  const what = `${calls} connections failed, nothing that they carry is counted; the newest: ${detail}`
  const subject = `caller ${sender}`
  if (status === 'not_http2') {
    return warning(
      'not-http2',
      subject,
      `it does not begin HTTP/2 on the access log port: ${what}`,
      'an Envoy that uses TLS where als.tls is not set: set als.tls, or turn TLS off (DestinationRule: tls.mode DISABLE); a probe or scrape: use http.listen',
    )
  }
  if (status === 'plain_text') {
    return warning(
      'plain-text',
      subject,
      `it sends plain text to the access log port, which has TLS: ${what}`,
      'give the cluster of its access log TLS with a client certificate (DestinationRule: tls.mode MUTUAL), or unset als.tls',
    )
  }
  const fix = CALLER_REFUSES.test(detail)
    ? 'let the caller trust the CA of als.tls.cert_file, and ask for a name that is in it'
    : 'give the caller a client certificate that is valid and chains to als.tls.client_ca_file'
  return warning('tls-failed', subject, `no TLS comes about on the access log port: ${what}`, fix)
}

const FALLBACK = CALLS.at(-1) as (typeof CALLS)[number]

/**
 * Certificates are renewed when a third of their life is left (cert-manager), or half (SPIFFE): one with a fifth
 * left, or with two weeks of a long life, was not. With a twentieth left, or two days, it is late.
 */
function certificateFindings(one: CertificateReport, nowMs: number): Finding[] {
  const { certificate, key, notBeforeMs, notAfterMs, broken } = one
  const subject = certificate === 'server' ? 'the certificate' : 'the client CA'
  const leftMs = notAfterMs - nowMs
  const lifeMs = notAfterMs - notBeforeMs
  const at = new Date(notAfterMs).toISOString()
  const renew = `renew the file of ${key}; it is read again within ten seconds`
  const findings: Finding[] = []
  if (broken !== '' && certificate === 'server') {
    const wrong = `the files as they are now do not work (${broken}); those from before are served until ${at}`
    findings.push(
      warning(
        'certificate-broken',
        subject,
        wrong,
        'write certificate, key and client CA that belong together',
      ),
    )
  }
  if (leftMs <= 0) {
    const wrong = `it expired at ${at}: new connections fail, and their bytes are not reported`
    findings.push(error('certificate-expired', subject, wrong, renew))
  } else if (leftMs < Math.min(lifeMs / 20, 2 * DAY_MS)) {
    findings.push(error('certificate-expires', subject, `it expires at ${at}`, renew))
  } else if (leftMs < Math.min(lifeMs / 5, 14 * DAY_MS)) {
    findings.push(warning('certificate-expires', subject, `it expires at ${at}`, renew))
  }
  return findings
}
