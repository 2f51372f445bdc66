import fc from 'fast-check'
import type {
  Common,
  EnvoyAddress,
  EnvoyMessage,
  HttpEntry,
  TcpEntry,
  Time,
} from './envoy-schema.ts'

const some = <T extends object>(model: { [K in keyof T]-?: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<T>

const counter = fc.oneof(
  { weight: 8, arbitrary: fc.nat() },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 2 ** 50 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 127, 128, 2 ** 32, 2 ** 50, 2 ** 50 + 1, 2 ** 53 - 1),
  },
)

const time: fc.Arbitrary<Time> = some<Time>({
  seconds: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 4_000_000_000 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(-1, -62_135_596_800, 253_402_300_799, 253_402_300_800),
    },
  ),
  nanos: fc.oneof(
    { weight: 5, arbitrary: fc.nat(999_999_999) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 1_000_000_000, -(2 ** 31)) },
  ),
})

const address: fc.Arbitrary<EnvoyAddress> = fc.oneof(
  some<NonNullable<EnvoyAddress['socket_address']>>({
    address: fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('fe80::1%eth0', '::ffff:10.0.0.1', 'x'),
    ),
    port_value: fc.nat(65_535),
  }).map((socket_address) => ({ socket_address })),
  fc.string().map((path) => ({ pipe: { path } })),
)

const name = fc.oneof(fc.domain(), fc.constantFrom('', 'ex\u00e4mple', 'a|b', 'UPPER.example.'))

const common: fc.Arbitrary<Common> = some<Common>({
  downstream_remote_address: address,
  downstream_local_address: address,
  tls_properties: some<NonNullable<Common['tls_properties']>>({ tls_sni_hostname: name }),
  start_time: time,
  upstream_remote_address: address,
  upstream_cluster: name.map((host) => `outbound|443||${host}`),
  duration: time,
  stream_id: fc.oneof(
    { weight: 4, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: fc.uuid().map((id) => id.toUpperCase()) },
    { weight: 1, arbitrary: fc.constantFrom('', 'req-1', '00000000-0000-0000-0000-00000000000g') },
  ),
  intermediate_log_entry: fc.boolean(),
  upstream_wire_bytes_sent: counter,
  upstream_wire_bytes_received: counter,
  access_log_type: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(0, 2, 3) },
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 16 }) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 127, 128, 259, 2 ** 31 - 1) },
  ),
})

const tcpEntry = some<TcpEntry>({
  common_properties: common,
  connection_properties: some<NonNullable<TcpEntry['connection_properties']>>({
    received_bytes: counter,
    sent_bytes: counter,
  }),
})

const httpEntry = some<HttpEntry>({
  common_properties: common,
  request: some<NonNullable<HttpEntry['request']>>({
    authority: name,
    request_headers_bytes: counter,
    request_body_bytes: counter,
  }),
  response: some<NonNullable<HttpEntry['response']>>({
    response_headers_bytes: counter,
    response_body_bytes: counter,
  }),
})

const identifier = some<NonNullable<EnvoyMessage['identifier']>>({
  node: fc.record({ id: fc.string(), cluster: fc.string() }),
  log_name: fc.string(),
})

const entries = { maxLength: 6 }

/** Messages with every field that is read, in and out of range, present and absent. */
export const anyMessage: fc.Arbitrary<EnvoyMessage> = fc.oneof(
  fc.record(
    { identifier, tcp_logs: fc.record({ log_entry: fc.array(tcpEntry, entries) }) },
    { requiredKeys: ['tcp_logs'] },
  ),
  fc.record(
    { identifier, http_logs: fc.record({ log_entry: fc.array(httpEntry, entries) }) },
    { requiredKeys: ['http_logs'] },
  ),
)
