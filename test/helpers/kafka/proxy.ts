import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A network on loopback that a test can break. Passes everything on to a port until it is told otherwise. */
export class Proxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  /** When the last bytes to a socket are due, ms. */
  readonly #dueMs = new WeakMap<Socket, number>()
  #delayMs = 0
  #stalled = false
  #refusing = false

  private constructor(port: number) {
    this.#server = createServer((client) => this.#accept(client, port))
  }

  static async listen(port: number): Promise<Proxy> {
    const proxy = new Proxy(port)
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** All is well again, for connections made from now on and those that are left. */
  pass(): void {
    this.#delayMs = 0
    this.#stalled = false
    this.#refusing = false
  }

  /** What is sent from now on arrives this much later. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** What is sent from now on is lost; connections stay, so they are of no use afterwards: cut them. */
  stall(): void {
    this.#stalled = true
  }

  /** Every connection breaks. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  /** Every connection breaks, and so does every new one. */
  refuse(): void {
    this.#refusing = true
    this.cut()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }

  #accept(client: Socket, port: number): void {
    if (this.#refusing) {
      client.destroy()
      return
    }
    const server = connect(port, '127.0.0.1')
    const pair = [client, server] as const
    this.#pairs.add(pair)
    for (const socket of pair) {
      const other = socket === client ? server : client
      socket.on('data', (bytes) => this.#pass(bytes, other))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#pairs.delete(pair)
        other.destroy()
      })
    }
  }

  #pass(bytes: Buffer, to: Socket): void {
    if (this.#stalled) return
    // Never before what was sent earlier: a network loses and delays, but TCP keeps the order.
    const nowMs = performance.now()
    const dueMs = Math.max(nowMs + this.#delayMs, this.#dueMs.get(to) ?? 0)
    this.#dueMs.set(to, dueMs)
    if (dueMs <= nowMs) to.write(bytes)
    else setTimeout(() => to.destroyed || to.write(bytes), Math.ceil(dueMs - nowMs))
  }
}
