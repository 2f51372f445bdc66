import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'
import { DEMO_CERTIFICATE, DEMO_KEY } from './certificate.ts'
import { type Exchange, ExchangeReader, payload, writeAll } from './exchange.ts'
import { SocketDuplex } from './socket-duplex.ts'

/** What the server saw of one connection: the truth that totals are compared with. */
export interface ServedConnection {
  /** As the client sent it; '' without one, and for plain text. */
  sni: string
  readonly tls: boolean
  /** Bytes at the TCP socket, handshake and records included: what left the workload … */
  received: number
  /** … and what came to it. */
  sent: number
  /** Both sides ended by FIN. Only then must every counter on the way agree. */
  orderly: boolean
  closed: boolean
}

/** First byte of a TLS record that carries a handshake. */
const TLS_HANDSHAKE = 0x16

/**
 * Stands for the internet: a TLS server for any name, which serves plain text too, answers
 * exchanges and counts bytes at its sockets.
 */
export class TlsServer {
  readonly connections: ServedConnection[] = []
  readonly #context = createSecureContext({ key: DEMO_KEY, cert: DEMO_CERTIFICATE })
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  /** Listens on 127.0.0.1, on a port that the system chooses. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', 2048, resolve)
    })
    return (this.#server.address() as AddressInfo).port
  }

  /** Destroys what is open. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.unshift(first)
      void this.#serve(socket, first[0] === TLS_HANDSHAKE)
    })
  }

  async #serve(socket: Socket, isTls: boolean): Promise<void> {
    const seen = observe(socket, isTls)
    this.connections.push(seen)
    const stream = isTls ? this.#secure(socket, seen) : new SocketDuplex(socket)
    // What goes wrong here went wrong at the other end; the socket's own close tells how.
    await answerExchanges(stream, () => socket.resetAndDestroy()).catch(() => stream.destroy())
  }

  #secure(socket: Socket, seen: ServedConnection): TLSSocket {
    return new TLSSocket(new SocketDuplex(socket), {
      isServer: true,
      secureContext: this.#context,
      SNICallback: (servername, done) => {
        seen.sni = servername
        done(null, this.#context)
      },
    })
  }
}

function observe(socket: Socket, isTls: boolean): ServedConnection {
  const seen: ServedConnection = {
    sni: '',
    tls: isTls,
    received: 0,
    sent: 0,
    orderly: false,
    closed: false,
  }
  let ended = false
  socket.once('end', () => {
    ended = true
  })
  socket.once('close', (hadError) => {
    seen.received = socket.bytesRead
    seen.sent = socket.bytesWritten
    seen.orderly = ended && !hadError && socket.writableFinished
    seen.closed = true
  })
  return seen
}

/** Serves exchanges until the client ends, then ends too, after the last byte it was asked for. */
async function answerExchanges(stream: Duplex, reset: () => void): Promise<void> {
  const reader = new ExchangeReader()
  let answered = Promise.resolve()
  stream.on('error', () => undefined)
  for await (const bytes of stream.iterator({ destroyOnReturn: false })) {
    for (const exchange of reader.read(bytes as Buffer)) {
      // The upload goes on while the answer is written; answers keep their order.
      answered = answered.then(() => answer(stream, exchange, reset))
      answered.catch(() => undefined)
    }
  }
  await answered
  stream.end()
}

async function answer(stream: Duplex, exchange: Exchange, reset: () => void): Promise<void> {
  await writeAll(stream, payload(exchange.download))
  if (exchange.after === 'end') stream.end()
  if (exchange.after === 'reset') reset()
}
