import {
  type ChannelOptions,
  Client,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js'

const PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'

/** An access log stream as a test opens it. */
export interface ClientStream {
  /** Sends a message; resolves when it is handed to the transport. */
  send(message: Buffer): Promise<void>
  /** Half-closes; resolves with how the server ended the stream. */
  end(): Promise<StatusObject>
  /** Resets the stream. */
  cancel(): void
  /** How the stream ended, whoever ended it. */
  readonly ended: Promise<StatusObject>
}

/** A sender of access logs. One client is one connection. */
export class AccessLogClient implements Disposable {
  readonly #client: Client
  readonly #path: string
  readonly #metadata = new Metadata()

  constructor(
    address: string,
    options: ChannelOptions & {
      path?: string
      credentials?: ReturnType<typeof credentials.createSsl>
      /** Headers of every call. */
      metadata?: Readonly<Record<string, string>>
    } = {},
  ) {
    const { path = PATH, credentials: given = credentials.createInsecure(), ...rest } = options
    const { metadata = {}, ...channel } = rest
    for (const [name, value] of Object.entries(metadata)) this.#metadata.set(name, value)
    this.#path = path
    this.#client = new Client(address, given, {
      // Clients of one process share connections to the same address otherwise.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
      ...channel,
    })
  }

  open(): ClientStream {
    const { promise: ended, resolve } = Promise.withResolvers<StatusObject>()
    const call: ClientWritableStream<Buffer> = this.#client.makeClientStreamRequest(
      this.#path,
      (message: Buffer) => message,
      (bytes: Buffer) => bytes,
      this.#metadata,
      (_error: ServiceError | null) => undefined,
    )
    call.on('status', resolve)
    call.on('error', () => undefined)
    return {
      ended,
      send: (message) =>
        new Promise((done, failed) => {
          call.write(message, (error?: Error | null) => {
            if (error) failed(error)
            else done()
          })
        }),
      end: () => {
        call.end()
        return ended
      },
      cancel: () => call.cancel(),
    }
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}
