import { Client, type ClientWritableStream, credentials } from '@grpc/grpc-js'
import { identifierField, type NodeDescription } from './entry-writer.ts'

const METHOD = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'
const asIs = (bytes: Buffer): Buffer => bytes

/** One access log stream of an ordinary gRPC client: sends any bytes as messages. */
export class AlsSender {
  /** Resolves when the stream has ended, with the gRPC status code (0 = by the server, gracefully). */
  readonly ended: Promise<number>
  readonly #client: Client
  readonly #stream: ClientWritableStream<Buffer>
  #hasEnded = false

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      // A connection of its own for every sender, as every Envoy has.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    this.ended = promise
    this.#stream = this.#client.makeClientStreamRequest(METHOD, asIs, asIs, (error) => {
      this.#hasEnded = true
      resolve(error?.code ?? 0)
    })
    this.#stream.on('error', () => undefined)
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /**
   * Sends a message; false if the stream has ended. Resolves when the transport has taken it, which
   * does not say that anybody has read it.
   */
  async send(message: Buffer): Promise<boolean> {
    if (this.#hasEnded) return false
    const taken = new Promise<boolean>((resolve) => {
      this.#stream.write(message, (error?: Error | null) => resolve(error == null))
    })
    return Promise.race([taken, this.ended.then(() => false)])
  }

  /** Ends the stream in an orderly way; resolves with the status. */
  async end(): Promise<number> {
    this.#stream.end()
    const code = await this.ended
    this.#client.close()
    return code
  }

  /** Breaks the stream. */
  cancel(): void {
    this.#stream.cancel()
    this.#client.close()
  }
}

/** A sidecar beside `namespace/workload`, as Istio describes it. */
export function sidecar(
  namespace: string,
  workload: string,
  pod = `${workload}-0`,
): NodeDescription {
  return {
    id: `sidecar~10.9.8.7~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${workload}.${namespace}`,
    metadata: {
      NAME: pod,
      NAMESPACE: namespace,
      WORKLOAD_NAME: workload,
      OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${workload}`,
      CLUSTER_ID: 'prod',
      SERVICE_ACCOUNT: workload,
    },
    envoy: [1, 40, 0],
  }
}

/** The identifier of `sidecar(…)`, for the first message of a stream. */
export function sidecarIdentifier(namespace: string, workload: string, pod?: string): Buffer {
  return identifierField(sidecar(namespace, workload, pod))
}
