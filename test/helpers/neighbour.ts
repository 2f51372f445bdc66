import assert from 'node:assert/strict'
import { AlsSender, sidecarIdentifier } from './als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from './entry-writer.ts'
import type { ServeProcess } from './serve.ts'
import { totalsByName } from './totals.ts'

const SNI = 'neighbour.example'

/** A well-behaved sender beside an attack: what it has sent must be in the totals, to the byte. */
export class Neighbour {
  readonly #sender: AlsSender
  #sent = 0

  private constructor(serve: ServeProcess) {
    this.#sender = new AlsSender(serve.alsAddress)
  }

  static async open(serve: ServeProcess): Promise<Neighbour> {
    const neighbour = new Neighbour(serve)
    await neighbour.#send(sidecarIdentifier('shop', 'neighbour'))
    return neighbour
  }

  /** Reports the end of one more connection. */
  send(): Promise<void> {
    return this.#send()
  }

  async #send(identifier?: Buffer): Promise<void> {
    const n = ++this.#sent
    const entry = tcpEntry({
      streamId: `99999999-0000-4000-8000-${n.toString().padStart(12, '0')}`,
      type: EntryType.tcpConnectionEnd,
      sni: SNI,
      startMs: Date.now() - 1000,
      upload: n,
      download: 1000,
    })
    assert.ok(await this.#sender.send(tcpMessage([entry], identifier)), 'the stream has ended')
  }

  /** Ends its stream in an orderly way: then all of it was received. */
  async end(): Promise<void> {
    assert.equal(await this.#sender.end(), 0)
  }

  /** The totals in the file are what was sent. */
  assertExact(db: string): void {
    assert.deepEqual(totalsByName(db)[SNI], {
      upload: BigInt((this.#sent * (this.#sent + 1)) / 2),
      download: BigInt(this.#sent * 1000),
      connections: BigInt(this.#sent),
    })
  }
}
