import { AlsSender, sidecarIdentifier } from './als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from './entry-writer.ts'
import type { Random } from './random.ts'
import { type Totals, TotalsBuilder, workloadAndName } from './totals.ts'

interface Connection {
  readonly streamId: string
  readonly sni: string
  readonly startMs: number
  upload: number
  download: number
  ended: boolean
}

export interface LoadOptions {
  readonly namespace: string
  readonly workload: string
  readonly names: readonly string[]
  /** Connections that are open at a time. */
  readonly openConnections: number
  readonly random: Random
  readonly nowMs: () => number
}

/** Entries in a message, about as many as a sidecar puts into 16 KiB. */
const ENTRIES_PER_MESSAGE = 50

/**
 * An Envoy that is made up: many connections with growing counters, which it tells as real ones do,
 * some of it twice or late. It never forgets a counter, so that it can say it all again.
 */
export class SyntheticLoad {
  readonly #options: LoadOptions
  readonly #open: Connection[] = []
  readonly #ended: Connection[] = []
  #sender: AlsSender | undefined

  constructor(options: LoadOptions) {
    this.#options = options
  }

  get connections(): number {
    return this.#open.length + this.#ended.length
  }

  /** What was said so far, at most: the totals must never be above it. */
  get truth(): Totals {
    const { namespace, workload } = this.#options
    const builder = new TotalsBuilder()
    for (const { sni, upload, download } of [...this.#open, ...this.#ended]) {
      builder.add(workloadAndName(namespace, workload, sni), upload, download)
    }
    return builder.totals
  }

  /** Sends one message of samples. False if nobody takes it: it is lost, as Envoy loses it. */
  async step(address: string): Promise<boolean> {
    const entries = Array.from({ length: ENTRIES_PER_MESSAGE }, () => this.#sample())
    return this.#send(address, entries)
  }

  /** Every connection's last word, those that had spoken it already once more. False if it is lost. */
  async sayEverythingAgain(address: string): Promise<boolean> {
    this.#ended.push(...this.#open.splice(0))
    for (const connection of this.#ended) connection.ended = true
    for (let at = 0; at < this.#ended.length; at += ENTRIES_PER_MESSAGE) {
      const batch = this.#ended.slice(at, at + ENTRIES_PER_MESSAGE)
      if (
        !(await this.#send(
          address,
          batch.map((one) => this.#entry(one)),
        ))
      )
        return false
    }
    // The status comes when the server has read everything.
    const sender = this.#sender
    this.#sender = undefined
    return (await sender?.end()) === 0
  }

  cancel(): void {
    this.#sender?.cancel()
    this.#sender = undefined
  }

  async #send(address: string, entries: readonly Buffer[]): Promise<boolean> {
    const { namespace, workload } = this.#options
    let identifier: Buffer | undefined
    if (this.#sender === undefined || this.#sender.hasEnded) {
      this.#sender?.cancel()
      this.#sender = new AlsSender(address)
      identifier = sidecarIdentifier(namespace, workload)
    }
    return this.#sender.send(tcpMessage(entries, identifier))
  }

  #sample(): Buffer {
    const { random, openConnections } = this.#options
    // Now and then something old arrives again: a final word, or an earlier sample.
    if (this.#ended.length > 0 && random.next() < 0.05) return this.#entry(random.pick(this.#ended))
    const index = random.integer(0, openConnections)
    const connection = this.#open[index] ?? this.#begin()
    if (random.next() < 0.05) return this.#entry(connection, 0.5)
    connection.upload += random.integer(0, 50_000)
    connection.download += random.integer(0, 500_000)
    connection.ended = random.next() < 0.1
    if (connection.ended) this.#end(connection)
    return this.#entry(connection)
  }

  #begin(): Connection {
    const { random, names, nowMs } = this.#options
    const connection: Connection = {
      streamId: random.uuid(),
      sni: random.pick(names),
      // Envoy's clock has microseconds.
      startMs: nowMs() - random.next(),
      upload: 0,
      download: 0,
      ended: false,
    }
    this.#open.push(connection)
    return connection
  }

  #end(connection: Connection): void {
    const last = this.#open.pop()
    if (last !== undefined && last !== connection) this.#open[this.#open.indexOf(connection)] = last
    this.#ended.push(connection)
  }

  /** With a share below 1: a sample of the past, with lower counters. */
  #entry({ streamId, sni, startMs, upload, download, ended }: Connection, share = 1): Buffer {
    return tcpEntry({
      streamId,
      sni,
      startMs,
      type: ended ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic,
      upload: Math.floor(upload * share),
      download: Math.floor(download * share),
      upstreamCluster: 'outbound|443||*.oss-cn-shanghai.aliyuncs.com',
      upstreamRemote: { ip: '198.51.100.7', port: 443 },
      ...(ended ? { durationMs: this.#options.nowMs() - startMs } : {}),
    })
  }
}
