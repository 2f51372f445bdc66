import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { DEMO_CERTIFICATE, DEMO_KEY } from '../../src/demo/certificate.ts'

/** An HTTPS server that counts the HTTP bytes inside TLS, headers included. */
export interface HttpOrigin {
  readonly port: number
  /** HTTP bytes of all requests, and of all responses. */
  readonly counted: { received: number; sent: number; requests: number }
  stop(): Promise<void>
}

/** Answers `POST /<bytes>` with that many bytes, on keep-alive connections. */
export async function startHttpOrigin(): Promise<HttpOrigin> {
  const counted = { received: 0, sent: 0, requests: 0 }
  const sockets = new Set<TLSSocket>()
  const server = createServer({ key: DEMO_KEY, cert: DEMO_CERTIFICATE }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    let pending = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      counted.received += bytes.length
      pending = Buffer.concat([pending, bytes])
      for (let end = requestEnd(pending); end > 0; end = requestEnd(pending)) {
        const [, count] = /^POST \/(\d+)/.exec(pending.toString('latin1')) ?? []
        pending = pending.subarray(end)
        counted.requests++
        const answer = response(Number(count))
        counted.sent += answer.length
        socket.write(answer)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    counted,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function response(count: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${count}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.alloc(count, 'x')])
}

/** Where the first request in these bytes ends; 0 while it is not whole. */
function requestEnd(bytes: Buffer): number {
  const head = bytes.indexOf('\r\n\r\n')
  if (head < 0) return 0
  const [, length] = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, head)) ?? []
  const end = head + 4 + Number(length ?? 0)
  return bytes.length >= end ? end : 0
}
