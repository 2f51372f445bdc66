import { createServer } from 'node:net'

/**
 * A port that is free now, below the range from which the system gives ports to connections: it
 * stays free while a server that is killed and started again is away.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!listening) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
