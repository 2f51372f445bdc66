import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { status } from '@grpc/grpc-js'
import type { Sender } from '../model/sender.ts'
import { type FairShare, wholePool } from '../runtime/fair-share.ts'
import { formatAddress } from '../runtime/listen-address.ts'
import { senderOf } from './sender.ts'

const FORWARDED = 'x-forwarded-client-cert'

/** Bounds the calls that are open at a time, and shares them out by sender. */
export class CallGate {
  readonly #share: FairShare

  /** @param limit calls of the port at a time */
  constructor(limit: number) {
    this.#share = wholePool(limit)
  }

  /** Takes a call, or answers it with RESOURCE_EXHAUSTED and gives false. */
  admit(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    const { key } = senderOfStream(stream, headers)
    if (!this.#share.hasRoom(key)) {
      refuse(stream)
      return false
    }
    this.#share.take(key)
    stream.once('close', () => this.#share.release(key))
    return true
  }
}

function senderOfStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Sender {
  const socket = stream.session?.socket as Partial<TLSSocket> | undefined
  const { remoteAddress: host = '', remotePort: port = 0, authorized = false } = socket ?? {}
  const certificate = authorized ? socket?.getPeerCertificate?.() : undefined
  return senderOf({
    address: formatAddress({ host, port }),
    certificate: certificate?.raw === undefined ? undefined : certificate,
    forwarded: [headers[FORWARDED] ?? []].flat(),
  })
}

function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => undefined)
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-status': status.RESOURCE_EXHAUSTED,
      'grpc-message': 'this sender has its share of als.max_streams open',
    },
    { endStream: true },
  )
  discard(stream)
}

/** How long the sender of an answered call may go on, ms. */
const LINGER_MS = 1000

/** What is still sent on a call that was answered is thrown away, and the call ends soon. */
export function discard(stream: ServerHttp2Stream): void {
  stream.resume()
  const timer = setTimeout(() => stream.close(), LINGER_MS).unref()
  stream.once('close', () => clearTimeout(timer))
}
