import type { ServiceDefinition } from '@grpc/grpc-js'

/** The gRPC service that Envoy's access loggers call; also its name in the health service. */
export const SERVICE_NAME = 'envoy.service.accesslog.v3.AccessLogService'

/** Path of its only method: client streaming, and Envoy ignores every answer. */
const STREAM_ACCESS_LOGS = `/${SERVICE_NAME}/StreamAccessLogs`

const EMPTY = Buffer.alloc(0)

/** Requests stay bytes: the decoder reads them in one pass, without objects. The response is empty. */
export const ACCESS_LOG_SERVICE = {
  streamAccessLogs: {
    path: STREAM_ACCESS_LOGS,
    requestStream: true,
    responseStream: false,
    requestSerialize: (message: Buffer) => message,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: () => EMPTY,
    responseDeserialize: () => EMPTY,
  },
} as const satisfies ServiceDefinition
