import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkMessage } from '../../../src/istio/doctor/envoy-message.ts'
import { PROJECT } from '../../helpers/command.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const TCP_PROXY = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
const problems = (value: Record<string, unknown>) =>
  [...checkMessage(value, TCP_PROXY)].map(({ wrong, fix, isSure }) => [wrong, fix, isSure])

test('the table of fields is what the vendored protos give', (t) => {
  const file = join(temporaryFolder(t), 'fields.ts')
  execFileSync(process.execPath, ['scripts/generate-envoy-fields.ts', file], { cwd: PROJECT })
  const committed = join(PROJECT, 'src/istio/doctor/gen/envoy-fields.ts')
  assert.equal(readFileSync(committed, 'utf8'), readFileSync(file, 'utf8'))
})

test('a misspelt field is told with its path and the one that was meant', () => {
  assert.deepEqual(
    problems({ access_log: [{ typed_conf: {} }], access_log_options: { flush_interval: '1s' } }),
    [
      [
        'access_log.typed_conf is no field of AccessLog: it does nothing',
        'did you mean typed_config?',
        true,
      ],
      [
        'access_log_options.flush_interval is no field of TcpAccessLogOptions: it does nothing',
        'remove it, or move it where it belongs',
        false,
      ],
    ],
  )
})

test('a field of a newer Envoy than the protos is not sure to be wrong', () => {
  assert.deepEqual(
    problems({ quantum_mode: true }).map(([, , isSure]) => isSure),
    [false],
  )
  assert.deepEqual(problems({ backoff_options: {}, idleTimeout: '5s' }), [])
})

test('an Any is checked as the message it names', () => {
  const log = (common_config: object) => ({
    access_log: [
      {
        typed_config: {
          '@type': `type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig`,
          common_config,
        },
      },
    ],
  })
  assert.deepEqual(problems(log({ log_name: 'x', buffer_size_bytes: 1 })), [])
  assert.deepEqual(problems(log({ logname: 'x' })), [
    [
      'access_log.typed_config.common_config.logname is no field of CommonGrpcAccessLogConfig: it does nothing',
      'did you mean log_name?',
      true,
    ],
  ])
})

test('durations are seconds', () => {
  for (const right of ['0s', '15s', '0.5s', '1.000000001s']) {
    assert.deepEqual(problems({ idle_timeout: right }), [], right)
  }
  for (const wrong of ['15', '15ms', '1m', '-1s', 's', '1.0000000001s', 15, {}]) {
    assert.equal(problems({ idle_timeout: wrong }).length, 1, JSON.stringify(wrong))
  }
})
