/** Attributes of TLS, which downstream and upstream connections share. */
const CERTIFICATES = [
  'tls_version',
  'subject_local_certificate',
  'subject_peer_certificate',
  'uri_san_local_certificate',
  'uri_san_peer_certificate',
  'dns_san_local_certificate',
  'dns_san_peer_certificate',
  'sha256_peer_certificate_digest',
  'transport_failure_reason',
]

/** Request attributes that a TCP connection has as well (bytes, time). */
const REQUEST_ON_TCP = ['size', 'total_size', 'duration', 'time']
const REQUEST_ON_HTTP = [
  'path',
  'url_path',
  'host',
  'scheme',
  'method',
  'headers',
  'headers_bytes',
  'referer',
  'useragent',
  'id',
  'protocol',
  'query',
]

/**
 * Attributes that Envoy gives to expressions (`extensions/filters/common/expr/context.h`, Envoy 1.35
 * to 1.40). An attribute that does not exist makes the filter false: nothing is logged, nobody is
 * told (measured, with validation and Envoy both content).
 */
const ATTRIBUTES: Readonly<Record<string, readonly string[] | 'any'>> = {
  request: [...REQUEST_ON_HTTP, ...REQUEST_ON_TCP],
  response: [
    'code',
    'code_details',
    'headers',
    'trailers',
    'flags',
    'grpc_status',
    'size',
    'total_size',
    'backend_latency',
  ],
  connection: ['id', 'mtls', 'requested_server_name', 'termination_details', ...CERTIFICATES],
  source: ['address', 'port'],
  destination: ['address', 'port'],
  upstream: [
    'address',
    'port',
    'local_address',
    'locality',
    'request_attempt_count',
    'cx_pool_ready_duration',
    'num_endpoints',
    'server_name',
    ...CERTIFICATES,
  ],
  xds: [
    'cluster_name',
    'cluster_metadata',
    'route_name',
    'route_metadata',
    'virtual_host_name',
    'virtual_host_metadata',
    'upstream_host_metadata',
    'upstream_host_locality_metadata',
    'filter_chain_name',
    'listener_metadata',
    'listener_direction',
    'node',
  ],
  metadata: 'any',
  filter_state: 'any',
  upstream_filter_state: 'any',
}

/** Every attribute there is, as `root.field`. */
export const KNOWN_ATTRIBUTES: readonly string[] = Object.entries(ATTRIBUTES).flatMap(
  ([root, fields]) => (fields === 'any' ? [root] : fields.map((field) => `${root}.${field}`)),
)

/** Attributes that only HTTP has; on TCP they are absent, and the filter is false. */
export const isHttpOnly = (attribute: string): boolean =>
  REQUEST_ON_HTTP.some((field) => attribute === `request.${field}`) ||
  ['response.code', 'response.headers', 'response.trailers', 'response.grpc_status'].includes(
    attribute,
  )

/** Whether `root.field` exists; deeper paths are data of it. */
export const attributeExists = (attribute: string): boolean => {
  const [root = '', field] = attribute.split('.')
  const known = Object.hasOwn(ATTRIBUTES, root) ? ATTRIBUTES[root] : undefined
  return known === 'any' || (known !== undefined && (field === undefined || known.includes(field)))
}
