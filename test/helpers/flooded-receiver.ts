import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { defaultConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config.ts'
import { PairReader } from '../../src/model/used-pairs.ts'
import { Pipeline, type PipelineStream } from '../../src/pipeline.ts'
import { Writer } from '../../src/store/writer.ts'
import { sidecarIdentifier } from './als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from './entry-writer.ts'

export const NOON = Date.UTC(2026, 10, 24, 12)

/** What one report says of a connection; counters are cumulative. */
export interface Report {
  /** Number of the connection: its id. */
  readonly id: number
  readonly sni: string
  readonly upload: number
  readonly download?: number
  readonly final?: boolean
  /** Start, ms after noon; default: now. */
  readonly startedAt?: number
}

export interface FloodedConfig {
  readonly ledger?: Partial<Config['ledger']>
  readonly names?: Partial<Config['rollup']['names']>
  readonly pods?: Config['rollup']['pods']
  readonly retention?: Partial<Config['store']['retention']>
}

/**
 * A receiver without its network: pipeline and file, a hand on the clock, and senders known by their
 * address. What arrives is committed when the test says so.
 */
export class FloodedReceiver {
  readonly #folder = mkdtempSync(join(tmpdir(), 'snimeter-flood-'))
  readonly config: Config
  /** Unix ms. */
  readonly startMs = NOON
  now = NOON
  /** Connections that have left the file for want of room, since the last start. */
  leftEarly = 0
  #writer: Writer
  #pipeline: Pipeline

  constructor(changes: FloodedConfig = {}) {
    const base = defaultConfig()
    this.config = {
      ...base,
      ledger: { ...base.ledger, ...changes.ledger },
      rollup: {
        ...base.rollup,
        names: { ...base.rollup.names, ...changes.names },
        pods: changes.pods ?? base.rollup.pods,
      },
      store: { ...base.store, retention: { ...base.store.retention, ...changes.retention } },
    }
    this.#writer = this.#open()
    this.#pipeline = this.#begin()
  }

  get pipeline(): Pipeline {
    return this.#pipeline
  }

  /** Opens a stream from an address and says whose sidecar it is. */
  connect(sender: string, namespace: string, workload: string, pod?: string): PipelineStream {
    const stream = this.#pipeline.openStream(sender)
    this.identify(stream, sidecarIdentifier(namespace, workload, pod))
    return stream
  }

  identify(stream: PipelineStream, identifier: Buffer): void {
    this.#pipeline.message(stream, tcpMessage([], identifier), this.now)
  }

  report(stream: PipelineStream, ...reports: readonly Report[]): void {
    this.send(stream, ...reports)
    this.answer()
  }

  /** A message that the file does not answer yet. */
  send(stream: PipelineStream, ...reports: readonly Report[]): void {
    const entries = reports.map((report) => entryOf(report, this.now - NOON))
    this.#pipeline.message(stream, tcpMessage(entries), this.now)
  }

  /** The file answers what the ledger asks. */
  answer(): void {
    for (;;) {
      const keys = this.#pipeline.held.takeQuestions()
      if (keys.length === 0) return
      this.#pipeline.answer(keys, this.#writer.find(keys))
    }
  }

  /** A commit, and the tidying after it. */
  commit(): void {
    this.leftEarly = this.#writer.apply(this.#pipeline.cut()).ended.leftEarly
    this.#pipeline.committed(Number.MAX_SAFE_INTEGER)
    while (this.#writer.tidy()) {
      // Slices until there is nothing left to do.
    }
  }

  /** Time passes, with a commit every `stepMs`. */
  pass(ms: number, stepMs = 30_000): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(this.now + stepMs, end)
      this.#pipeline.tick(this.now)
      this.commit()
    }
  }

  /** The process is killed and starts again; streams are gone. */
  restart(): void {
    this.#writer.close()
    this.#writer = this.#open()
    this.#pipeline = this.#begin()
  }

  read<T>(sql: string): T[] {
    const database = new Database(this.path, { readonly: true })
    try {
      return database.prepare(sql).all() as T[]
    } finally {
      database.close()
    }
  }

  /** `workload name` to `upload/download`, of one namespace. */
  totals(namespace: string): Record<string, string> {
    const rows = this.read<{ pair: string; bytes: string }>(
      `SELECT workload || ' ' || sni AS pair, sum(upload_bytes) || '/' || sum(download_bytes) AS bytes
       FROM usage WHERE namespace = '${namespace}' GROUP BY 1 ORDER BY 1`,
    )
    return Object.fromEntries(rows.map(({ pair, bytes }) => [pair, bytes]))
  }

  get path(): string {
    return join(this.#folder, 'ledger.db')
  }

  close(): void {
    this.#writer.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #open(): Writer {
    const { rollup, store } = this.config
    return new Writer({
      path: this.path,
      windowSeconds: rollup.windowSeconds,
      changeWindows: true,
      retention: store.retention,
    })
  }

  #begin(): Pipeline {
    const pipeline = new Pipeline(this.config, this.#writer.open(this.now))
    const day = Math.floor(this.now / 86_400_000) * 86_400_000
    const open = this.#writer.loadOpen(this.config.ledger.maxConnections)
    pipeline.restore(
      open,
      new PairReader().read(this.#writer.pairsBetween(day, day + 86_400_000)),
      this.now,
    )
    return pipeline
  }
}

function entryOf(report: Report, nowMs: number): Buffer {
  const { id, sni, upload, download = 0, final = false, startedAt = nowMs } = report
  return tcpEntry({
    streamId: `00000000-0000-4000-8000-${id.toString(16).padStart(12, '0')}`,
    type: final ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic,
    sni,
    startMs: NOON + startedAt,
    upload,
    download,
    ...(final ? { durationMs: nowMs - startedAt } : {}),
  })
}
