import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { delimitedField, numberField, tag, textField, varint } from '../helpers/entry-writer.ts'
import { CURRENT, type Decoded, DecoderFixture, OLD } from './decoded-samples.ts'
import { type Common, type EnvoyMessage, encodeWithSchema } from './envoy-schema.ts'

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e'
const END = 3
const PERIODIC = 2

const tcp = (...entries: Common[]): EnvoyMessage => ({
  tcp_logs: { log_entry: entries.map((common_properties) => ({ common_properties })) },
})
const http = (...entries: Common[]): EnvoyMessage => ({
  http_logs: { log_entry: entries.map((common_properties) => ({ common_properties })) },
})
const decode = (message: EnvoyMessage | Uint8Array, stream = CURRENT): Decoded =>
  new DecoderFixture().decode(
    message instanceof Uint8Array ? message : encodeWithSchema(message),
    stream,
  )
const only = (message: EnvoyMessage, stream = CURRENT) => {
  const { samples, rejected } = decode(message, stream)
  assert.deepEqual(rejected, {})
  assert.equal(samples.length, 1)
  return samples[0] as Decoded['samples'][number]
}

describe('what an entry is about', () => {
  const verdict = (message: EnvoyMessage) => {
    const { samples, rejected } = decode(message)
    return samples[0]?.kind ?? Object.keys(rejected)[0]
  }

  it('follows from its type alone, whichever logger sent it', () => {
    const connections = [1, 2, 3, 11, 12, 13, 14]
    for (const access_log_type of connections) {
      assert.equal(verdict(tcp({ access_log_type, stream_id: ID })), 'connection')
      assert.equal(verdict(http({ access_log_type, stream_id: ID })), 'connection')
    }
    assert.equal(verdict(tcp({ access_log_type: 6, stream_id: ID })), 'request')
    assert.equal(verdict(http({ access_log_type: 6, stream_id: ID })), 'request')
  })

  it('is decided by the list where the type is not set', () => {
    assert.equal(verdict(tcp({ stream_id: ID })), 'connection')
    assert.equal(verdict(http({ stream_id: ID })), 'request')
  })

  it('is nothing that counts for upstream attempts, tunnels and unknown types', () => {
    for (const access_log_type of [7, 8, 9, 10]) {
      assert.equal(verdict(tcp({ access_log_type, stream_id: ID })), 'uncounted_type')
    }
    for (const access_log_type of [15, 259, -1]) {
      assert.equal(verdict(tcp({ access_log_type, stream_id: ID })), 'unknown_type')
    }
  })

  it('refuses requests that have not ended', () => {
    assert.equal(verdict(http({ access_log_type: 4, stream_id: ID })), 'request_in_progress')
    assert.equal(verdict(http({ access_log_type: 5, stream_id: ID })), 'request_in_progress')
    assert.equal(verdict(http({ intermediate_log_entry: true })), 'request_in_progress')
  })
})

describe('final entries', () => {
  it('are ends by type, and entries without a type that are not intermediate', () => {
    const finals = [1, 2, 3, 11, 12, 13, 14].filter(
      (access_log_type) => only(tcp({ access_log_type, stream_id: ID })).final,
    )
    assert.deepEqual(finals, [3, 13])
    assert.equal(only(tcp({ stream_id: ID })).final, true)
    assert.equal(only(tcp({ stream_id: ID, intermediate_log_entry: true })).final, false)
  })

  it('of UDP sessions end them although Envoy calls them intermediate', () => {
    const session = { access_log_type: 13, stream_id: ID, intermediate_log_entry: true }
    assert.equal(only(tcp(session)).final, true)
  })
})

describe('identities', () => {
  const remote = (port_value: number) => ({ socket_address: { address: '10.0.0.1', port_value } })
  const request = (common: Common) => http({ access_log_type: 6, ...common })

  it('of a connection are the 128 bits of its stream id, whatever its case', () => {
    const sample = only(tcp({ access_log_type: END, stream_id: ID.toUpperCase() }))
    assert.equal(sample.identity, `uuid ${ID.replaceAll('-', '')}`)
  })

  it('of a connection with a UUID do not depend on the node, all others do', () => {
    const elsewhere = { ...CURRENT, scope: new Uint8Array(16).fill(9) }
    const nameless = { ...CURRENT, namelessScope: new Uint8Array(16).fill(3) }
    const random = tcp({ access_log_type: END, stream_id: ID })
    assert.equal(only(random).identity, only(random, elsewhere).identity)
    assert.equal(only(random).identity, only(random, nameless).identity)
    const counted = tcp({ access_log_type: END, stream_id: '1' })
    const identities = [CURRENT, elsewhere, nameless].map(
      (stream) => only(counted, stream).identity,
    )
    assert.equal(new Set(identities).size, 3)
    assert.match(only(counted).identity, /^hash /)
    assert.notEqual(
      only(request({ stream_id: ID })).identity,
      only(request({ stream_id: ID }), nameless).identity,
    )
  })

  it('of requests differ by stream id, start, downstream address and node', () => {
    const base: Common = {
      stream_id: ID,
      start_time: { seconds: 1, nanos: 5 },
      downstream_remote_address: remote(1),
    }
    const elsewhere = { ...CURRENT, scope: new Uint8Array(16).fill(9) }
    const identities = [
      only(request(base)).identity,
      only(request(base), elsewhere).identity,
      only(request({ ...base, stream_id: '' })).identity,
      only(request({ ...base, start_time: { seconds: 1, nanos: 6 } })).identity,
      only(request({ ...base, start_time: { seconds: 2, nanos: 5 } })).identity,
      only(request({ ...base, downstream_remote_address: remote(2) })).identity,
    ]
    assert.equal(new Set(identities).size, identities.length)
    assert.equal(only(request({ ...base, upstream_cluster: 'x' })).identity, identities[0])
  })

  it('without a stream id are refused from senders that give every connection one', () => {
    const death = tcp({ start_time: { seconds: 5 }, downstream_remote_address: remote(1) })
    assert.deepEqual(decode(death).rejected, { no_connection_id: 1 })
    assert.deepEqual(decode(death, { ...OLD, envoyMinor: 1025 }).rejected, { no_connection_id: 1 })
    assert.match(only(death, OLD).identity, /^hash /)
    assert.match(only(death, { ...OLD, envoyMinor: 0 }).identity, /^hash /)
  })

  it('without a stream id, a start and an address have no identity', () => {
    assert.deepEqual(decode(tcp({}), OLD).rejected, { no_connection_id: 1 })
    assert.deepEqual(decode(request({})).rejected, { no_connection_id: 1 })
    for (const common of [
      { start_time: { seconds: 5 } },
      { downstream_remote_address: remote(1) },
      { downstream_local_address: remote(1) },
    ]) {
      assert.match(only(tcp(common), OLD).identity, /^hash /)
      assert.match(only(request(common)).identity, /^hash /)
    }
  })

  it('without a stream id differ by node, start and both downstream addresses', () => {
    const base: Common = {
      start_time: { seconds: 5, nanos: 5 },
      downstream_remote_address: remote(1),
      downstream_local_address: remote(2),
    }
    const elsewhere = { ...OLD, scope: new Uint8Array(16).fill(9) }
    const identities = [
      only(tcp(base), OLD).identity,
      only(tcp(base), elsewhere).identity,
      only(tcp({ ...base, start_time: { seconds: 5, nanos: 6 } }), OLD).identity,
      only(tcp({ ...base, downstream_remote_address: remote(3) }), OLD).identity,
      only(tcp({ ...base, downstream_local_address: remote(3) }), OLD).identity,
    ]
    assert.equal(new Set(identities).size, identities.length)
    assert.equal(only(tcp({ ...base, upstream_cluster: 'x' }), OLD).identity, identities[0])
  })

  it('without a stream id are refused before the end', () => {
    const words = tcp({ intermediate_log_entry: true }, { access_log_type: PERIODIC })
    assert.deepEqual(decode(words, OLD).rejected, { no_connection_id: 2 })
  })

  it('of old senders differ by both downstream addresses', () => {
    const common: Common = {
      downstream_remote_address: remote(1),
      downstream_local_address: remote(2),
    }
    const swapped: Common = {
      downstream_remote_address: remote(2),
      downstream_local_address: remote(1),
    }
    assert.notEqual(only(tcp(common), OLD).identity, only(tcp(swapped), OLD).identity)
  })
})

describe('counters', () => {
  it('turn from Envoy’s view to the workload’s: sent upstream is upload', () => {
    const sample = only({
      tcp_logs: {
        log_entry: [
          {
            common_properties: {
              access_log_type: END,
              stream_id: ID,
              upstream_wire_bytes_sent: 1,
              upstream_wire_bytes_received: 2,
            },
            connection_properties: { received_bytes: 3, sent_bytes: 4 },
          },
        ],
      },
    })
    assert.equal(sample.wireUpload, 1)
    assert.equal(sample.wireDownload, 2)
    assert.equal(sample.plainUpload, 3)
    assert.equal(sample.plainDownload, 4)
  })

  it('of an HTTP entry are headers and bodies of a request, bodies of a connection', () => {
    const entry = (access_log_type: number): EnvoyMessage => ({
      http_logs: {
        log_entry: [
          {
            common_properties: { access_log_type, stream_id: ID },
            request: { request_headers_bytes: 10, request_body_bytes: 1 },
            response: { response_headers_bytes: 20, response_body_bytes: 2 },
          },
        ],
      },
    })
    assert.equal(only(entry(6)).plainUpload, 11)
    assert.equal(only(entry(6)).plainDownload, 22)
    assert.equal(only(entry(END)).plainUpload, 1)
    assert.equal(only(entry(END)).plainDownload, 2)
  })

  it('up to 2^50 are exact, and any above it refuses the entry', () => {
    const of = (bytes: number) =>
      tcp({ access_log_type: END, stream_id: ID, upstream_wire_bytes_sent: bytes })
    assert.equal(only(of(2 ** 50)).wireUpload, 1_125_899_906_842_624)
    assert.deepEqual(decode(of(2 ** 50 + 1)).rejected, { implausible_counter: 1 })
  })

  it('near 2^64 are refused and do not wrap around', () => {
    const common = (field: number, value: bigint) =>
      delimitedField(1, textField(26, ID), numberField(field, value), numberField(33, END))
    const entry = (bytes: Uint8Array) => delimitedField(3, delimitedField(1, bytes))
    for (const value of [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n]) {
      assert.deepEqual(decode(entry(common(32, value))).rejected, { implausible_counter: 1 })
      assert.deepEqual(decode(entry(common(30, value))).rejected, {})
      const plain = Buffer.concat([common(31, 1n), delimitedField(2, numberField(2, value))])
      assert.deepEqual(decode(entry(plain)).rejected, { implausible_counter: 1 })
    }
  })
})

describe('times', () => {
  const times = (start_time: Common['start_time'], duration: Common['duration']) => {
    const sample = only(
      tcp({
        access_log_type: END,
        stream_id: ID,
        ...(start_time ? { start_time } : {}),
        ...(duration ? { duration } : {}),
      }),
    )
    return [sample.startMs, sample.durationMs]
  }

  it('are milliseconds, with the fraction that Envoy’s clock has', () => {
    assert.deepEqual(
      times({ seconds: 1_795_420_174, nanos: 696_500_000 }, { seconds: 2, nanos: 1_000 }),
      [1_795_420_174_696.5, 2000.001],
    )
    assert.deepEqual(times({}, {}), [0, 0])
  })

  it('are absent where they are missing, negative or beyond the year 9999', () => {
    assert.deepEqual(times(undefined, undefined), [-1, -1])
    assert.deepEqual(times({ seconds: -1 }, { nanos: -1 }), [-1, -1])
    assert.deepEqual(times({ seconds: 253_402_300_800 }, { nanos: 1e9 }), [-1, -1])
  })
})

describe('wire format', () => {
  const common = (...fields: Uint8Array[]) =>
    delimitedField(1, textField(26, ID), numberField(33, END), ...fields)
  const list = (...entries: Uint8Array[]) =>
    delimitedField(3, ...entries.map((entry) => delimitedField(1, entry)))

  it('matches fields by number and wire type', () => {
    // 26 was a bool in a snapshot of the API; a counter that became a message is not read either.
    const odd = common(
      numberField(26, 1),
      delimitedField(31, Buffer.from([1])),
      tag(27, 5),
      Buffer.alloc(4),
    )
    const { samples, rejected } = decode(list(odd))
    assert.deepEqual(rejected, {})
    assert.equal(samples[0]?.identity, `uuid ${ID.replaceAll('-', '')}`)
    assert.equal(samples[0]?.wireUpload, 0)
  })

  it('skips unknown fields and groups', () => {
    const group = Buffer.concat([tag(99, 3), numberField(1, 5), tag(98, 3), tag(98, 4), tag(99, 4)])
    const { samples, rejected } = decode(list(common(group, numberField(31, 7))))
    assert.deepEqual(rejected, {})
    assert.equal(samples[0]?.wireUpload, 7)
  })

  it('merges what is said twice, the last word winning', () => {
    const first = delimitedField(
      1,
      textField(26, 'x'),
      numberField(31, 1),
      numberField(32, 2),
      delimitedField(5, numberField(1, 100)),
    )
    const second = delimitedField(
      1,
      textField(26, ID),
      numberField(31, 5),
      numberField(33, END),
      delimitedField(5, numberField(2, 500_000_000)),
    )
    const { samples } = decode(list(Buffer.concat([first, second])))
    assert.equal(samples[0]?.identity, `uuid ${ID.replaceAll('-', '')}`)
    assert.equal(samples[0]?.wireUpload, 5)
    assert.equal(samples[0]?.wireDownload, 2)
    assert.equal(samples[0]?.startMs, 100_500)
  })

  it('reads a message that holds both lists, and lists that come in parts', () => {
    const tcpPart = list(common())
    const request = Buffer.concat([numberField(33, 6), delimitedField(5, numberField(1, 1))])
    const httpPart = delimitedField(2, delimitedField(1, delimitedField(1, request)))
    const { samples } = decode(Buffer.concat([tcpPart, httpPart, tcpPart]))
    assert.deepEqual(
      samples.map(({ kind }) => kind),
      ['connection', 'request', 'connection'],
    )
  })

  it('finds the identifier without reading it', () => {
    const message = Buffer.concat([list(common()), delimitedField(1, Buffer.from([255, 255]))])
    const { identifier, samples } = decode(message)
    assert.deepEqual(identifier, [message.length - 2, message.length])
    assert.equal(samples.length, 1)
    assert.deepEqual(decode(list(common())).identifier, [-1, -1])
    assert.deepEqual(decode(Buffer.alloc(0)).identifier, [-1, -1])
  })
})

describe('damage', () => {
  const good = delimitedField(1, textField(26, ID), numberField(33, END))
  const bad = {
    'a truncated sub-message': Buffer.concat([tag(1, 2), varint(50), Buffer.from([1])]),
    'a field of number 0': delimitedField(1, Buffer.from([0])),
    'a varint of eleven bytes': delimitedField(1, tag(33, 0), Buffer.alloc(11, 0x80)),
    'a skipped varint that does not end': delimitedField(1, tag(50, 0), Buffer.from([0x80])),
    'an end of a group that did not begin': delimitedField(1, tag(9, 4)),
    'a group that ends as another': delimitedField(1, tag(9, 3), tag(8, 4)),
    'groups nested without end': delimitedField(1, ...Array.from({ length: 99 }, () => tag(9, 3))),
    'a wire type that does not exist': delimitedField(1, tag(9, 7)),
    'a length near 2^64': delimitedField(1, tag(26, 2), varint(2n ** 64n - 1n)),
  }
  for (const [what, entry] of Object.entries(bad)) {
    it(`of one entry (${what}) is counted and its neighbours are read`, () => {
      const message = delimitedField(
        3,
        delimitedField(1, good),
        delimitedField(1, entry),
        delimitedField(1, good),
      )
      const { samples, rejected, entries } = decode(message)
      assert.equal(samples.length, 2)
      assert.deepEqual(rejected, { malformed_entry: 1 })
      assert.equal(entries, 3)
    })
  }

  it('of the message counts once, and what stood before it is read', () => {
    const whole = delimitedField(3, delimitedField(1, good), delimitedField(1, good))
    for (const cut of [1, good.length, good.length + 2]) {
      const { samples, rejected, entries } = decode(whole.subarray(0, whole.length - cut))
      assert.equal(samples.length, 1)
      assert.deepEqual(rejected, { malformed_message: 1 })
      assert.equal(entries, 2)
    }
    const { samples, rejected } = decode(Buffer.concat([whole, Buffer.from([7])]))
    assert.equal(samples.length, 2)
    assert.deepEqual(rejected, { malformed_message: 1 })
  })

  it('of one message leaves nothing behind for the next', () => {
    const fixture = new DecoderFixture()
    const rich = delimitedField(
      1,
      textField(26, ID),
      numberField(31, 9),
      textField(15, 'c'),
      tag(33, 0),
    )
    fixture.decode(delimitedField(3, delimitedField(1, rich)))
    const { samples, rejected } = fixture.decode(delimitedField(3, delimitedField(1, good)))
    assert.deepEqual(rejected, {})
    assert.equal(samples[0]?.wireUpload, 0)
    assert.equal(samples[0]?.cluster, '')
  })
})

describe('short of memory', () => {
  it('only periodic entries are dropped, and counted', () => {
    const fixture = new DecoderFixture()
    fixture.decoder.shedPeriodic = true
    const types = [1, 2, 3, 5, 11, 12, 13, 14]
    const message = tcp(...types.map((access_log_type) => ({ access_log_type, stream_id: ID })))
    const { samples, rejected } = fixture.decode(encodeWithSchema(message))
    assert.deepEqual(
      samples.map(({ entryType }) => entryType),
      [1, 3, 11, 13, 14],
    )
    assert.deepEqual(rejected, { shed: 3 })
  })
})
