import { error, type Finding, note } from '../doctor/finding.ts'
import { at, type Fields, fieldsOf, protoAt } from '../untyped.ts'
import type { ConfigDump } from './config-dump.ts'

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/**
 * The cluster that the stream goes to. Envoy accepts an access log whose cluster does not exist; then
 * every entry is lost and `logs_dropped` stays 0 (measured live).
 */
export function* checkReceiverCluster({ clusters }: ConfigDump, name: string): Generator<Finding> {
  const subject = `cluster ${name}`
  if (clusters.length === 0) {
    yield note(
      'clusters-unseen',
      subject,
      'was not given: whether the stream can open is not known',
      'add it: istioctl proxy-config cluster POD -o json',
    )
    return
  }
  const cluster = clusters.find((one) => one['name'] === name)
  if (cluster === undefined) {
    yield error(
      'receiver-cluster-missing',
      subject,
      'does not exist in this proxy: every entry is lost',
      'import the receiver in the Sidecar resource, or correct the name',
    )
    return
  }
  if (cluster['type'] === 'ORIGINAL_DST') {
    yield error(
      'receiver-headless',
      subject,
      "is ORIGINAL_DST, which Envoy's own client can't use",
      'use a normal ClusterIP Service, not a headless one',
    )
  }
  if (!speaksHttp2(cluster)) {
    yield error(
      'receiver-not-grpc',
      subject,
      'does not speak HTTP/2: no stream opens',
      "declare the Service's port with appProtocol: grpc",
    )
  }
}

function speaksHttp2(cluster: Fields): boolean {
  const options = fieldsOf(at(protoAt(cluster, 'typed_extension_protocol_options'), HTTP_OPTIONS))
  const explicit = fieldsOf(protoAt(options, 'explicit_http_config'))
  return (
    protoAt(explicit, 'http2_protocol_options') !== undefined ||
    protoAt(cluster, 'http2_protocol_options') !== undefined
  )
}
