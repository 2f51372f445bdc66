import { connect, type Socket } from 'node:net'

/** TCP connections that send nothing, from an address of their own. */
export class PlainConnections {
  readonly sockets: Socket[] = []
  /** Those that the other side has closed. */
  closed = 0

  /** Opens them, a few at a time; resolves when the system has taken each (or not). */
  async open(port: number, count: number, localAddress = '127.0.0.1'): Promise<void> {
    const open = async (): Promise<void> => {
      const socket = connect({ port, host: '127.0.0.1', localAddress })
      this.sockets.push(socket)
      socket.resume().once('close', () => this.closed++)
      await new Promise<void>((resolve) => {
        socket.once('connect', resolve).once('error', () => resolve())
      })
    }
    for (let at = 0; at < count; at += 50) {
      await Promise.all(Array.from({ length: Math.min(50, count - at) }, open))
    }
  }

  end(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}
