import Database from 'better-sqlite3'
import { type Counts, readUsageEvent, type UsageEvent, type UsageRecord } from './usage-event.ts'

/** Where a record lies in Kafka. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/** A promise of snimeter that did not hold, or a record that is no event. */
export interface Violation {
  readonly kind: 'unreadable' | 'two_contents' | 'out_of_order' | 'missing_revision' | 'disagree'
  readonly message: string
}

/** What one workload exchanged with one name in one window, as billed: the newest totals. */
interface BillRow {
  readonly windowStart: string
  /** `cluster/namespace/kind/name`. */
  readonly workload: string
  readonly sni: string
  readonly revision: bigint
  readonly upload: bigint
  readonly download: bigint
  readonly opened: bigint
  readonly closed: bigint
}

export interface Report {
  /** Distinct events. */
  readonly events: number
  /** Records that came again with the same id and content. */
  readonly repeats: number
  /** Records with events of other types. */
  readonly ignored: number
  /** Revisions that came out of order, and again in order with a refill that was accepted. */
  readonly refilled: number
  readonly violations: readonly Violation[]
  /** In the order of window, workload and name. */
  readonly rows: readonly BillRow[]
}

/**
 * Usage kept in both ways that a consumer may choose: the newest revision of every row (`upserted`),
 * and the sum of its deltas, each id once (`added_up`). Both are exact alone; here they check each other.
 */
export class UsageLedger {
  readonly #database: Database.Database
  readonly #statements
  readonly #applyOnce: (record: UsageRecord, position: Position | undefined) => void

  /** @param path SQLite file, made if it is not there; `:memory:` for none */
  constructor(path: string) {
    this.#database = new Database(path)
    this.#database.defaultSafeIntegers()
    // NORMAL: a power cut takes back whole transactions, and their offsets with them.
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${TABLES}`)
    this.#statements = prepare(this.#database)
    this.#applyOnce = this.#database.transaction((record, position) => {
      this.#book(record)
      if (position === undefined) return
      this.#statements.move.run(position.topic, position.partition, position.offset + 1n)
    })
  }

  /**
   * Books a record, and in the same transaction that it was read: after a crash reading goes on exactly
   * there. A record that is no event becomes a violation.
   */
  apply(record: UsageRecord, position?: Position): void {
    this.#applyOnce(record, position)
  }

  /** First offset of each partition that was not read yet. */
  nextOffsets(topic: string): ReadonlyMap<number, bigint> {
    const rows = this.#statements.positions.all(topic) as { partition: bigint; next: bigint }[]
    return new Map(rows.map(({ partition, next }) => [Number(partition), next]))
  }

  /** The topic was filled again, perhaps after it was made anew: it is read from its beginning. */
  rewind(topic: string): void {
    this.#statements.rewind.run(topic)
  }

  /**
   * Disorder of rows that came again in full after it, from revision 1 to the highest in order, is no
   * violation any more. A later one is.
   */
  acceptRefill(): void {
    this.#statements.acceptRefill.run()
  }

  report(): Report {
    const s = this.#statements
    const tally = new Map(s.tally.all() as [name: string, count: bigint][])
    return {
      events: Number(s.events.get()),
      repeats: Number(tally.get('repeats') ?? 0n),
      ignored: Number(tally.get('ignored') ?? 0n),
      refilled: Number(s.refilled.get()),
      violations: [
        ...s.violations.all(),
        ...s.disordered.all(),
        ...s.missing.all(),
        ...s.disagreeing.all(),
      ] as Violation[],
      rows: s.rows.all() as BillRow[],
    }
  }

  close(): void {
    this.#database.close()
  }

  #book(record: UsageRecord): void {
    let event: UsageEvent | undefined
    try {
      event = readUsageEvent(record)
    } catch (error) {
      this.#violate('unreadable', error instanceof Error ? error.message : String(error))
      return
    }
    if (event === undefined) {
      this.#statements.count.run('ignored')
      return
    }
    if (this.#isNew(event)) {
      this.#upsert(event)
      this.#addUp(event)
    }
    this.#follow(event)
  }

  /** At least once: an id that was seen is not counted again, and must say what it said before. */
  #isNew({ id, usageKey, revision, content }: UsageEvent): boolean {
    const s = this.#statements
    const known = s.contentOf.get(id) as string | undefined
    if (known === content) s.count.run('repeats')
    else if (known !== undefined) this.#violate('two_contents', `event ${id} has two contents`)
    if (known !== undefined) return false
    const highest = this.#highest(usageKey)
    // A new revision follows the one before it; what was read before may come again at any time.
    if (BigInt(revision) !== highest + 1n) s.disorder.run({ usageKey, revision, highest })
    s.remember.run(id, usageKey, revision, content)
    return true
  }

  #highest(usageKey: string): bigint {
    return (this.#statements.highest.get(usageKey) as bigint | null) ?? 0n
  }

  /**
   * Follows a row through a refill: revision 1, then each one's successor, up to the highest. A row that
   * was out of order and comes again so is in order from here on.
   */
  #follow({ usageKey, revision }: UsageEvent): void {
    const s = this.#statements
    s.run.run({ usageKey, revision })
    if (BigInt(revision) === this.#highest(usageKey)) s.filled.run({ usageKey, revision })
  }

  #upsert(event: UsageEvent): void {
    const { usageKey, revision, windowStart, windowEnd, cluster, namespace, workloadKind } = event
    const { workload, sni, nameSource, totals } = event
    const row = [
      windowStart,
      windowEnd,
      cluster,
      namespace,
      workloadKind,
      workload,
      sni,
      nameSource,
    ]
    this.#statements.upsert.run(usageKey, revision, ...row, ...totals)
  }

  #addUp({ usageKey, deltas }: UsageEvent): void {
    const sums = this.#statements.sums.get(usageKey) as Counts | undefined
    // 64-bit arithmetic that wraps: whatever the order of the parts, their sum is right.
    const next = deltas.map((delta, i) => BigInt.asIntN(64, (sums?.[i] ?? 0n) + delta))
    this.#statements.setSums.run(usageKey, ...next)
  }

  #violate(kind: Violation['kind'], message: string): void {
    this.#statements.violate.run(kind, message)
  }
}

const TABLES = `
CREATE TABLE IF NOT EXISTS event (
  id TEXT PRIMARY KEY, usage_key TEXT NOT NULL, revision INTEGER NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_of_row ON event (usage_key, revision);
CREATE TABLE IF NOT EXISTS upserted (
  usage_key TEXT PRIMARY KEY, revision INTEGER NOT NULL,
  window_start TEXT NOT NULL, window_end TEXT NOT NULL, cluster TEXT NOT NULL, namespace TEXT NOT NULL,
  workload_kind TEXT NOT NULL, workload TEXT NOT NULL, sni TEXT NOT NULL, name_source TEXT NOT NULL,
  upload_bytes INTEGER NOT NULL, download_bytes INTEGER NOT NULL, estimated_bytes INTEGER NOT NULL,
  connections_opened INTEGER NOT NULL, connections_closed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS added_up (
  usage_key TEXT PRIMARY KEY,
  upload_bytes INTEGER NOT NULL, download_bytes INTEGER NOT NULL, estimated_bytes INTEGER NOT NULL,
  connections_opened INTEGER NOT NULL, connections_closed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
  topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
-- Revisions that first came without the one before them, or after a higher one (only that is disorder: what
-- never comes is missing). run: the last one of an unbroken run from 1 that came since.
CREATE TABLE IF NOT EXISTS disorder (
  usage_key TEXT NOT NULL, revision INTEGER NOT NULL, highest INTEGER NOT NULL,
  run INTEGER NOT NULL DEFAULT 0, filled INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (usage_key, revision)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS violation (kind TEXT NOT NULL, message TEXT NOT NULL);
`

function prepare(database: Database.Database) {
  const counters = (table: string) =>
    `${table}.upload_bytes, ${table}.download_bytes, ${table}.estimated_bytes,
     ${table}.connections_opened, ${table}.connections_closed`
  return {
    contentOf: database.prepare('SELECT content FROM event WHERE id = ?').pluck(),
    highest: database.prepare('SELECT max(revision) FROM event WHERE usage_key = ?').pluck(),
    remember: database.prepare('INSERT INTO event VALUES (?, ?, ?, ?)'),
    upsert: database.prepare(`
      INSERT INTO upserted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (usage_key) DO UPDATE SET
        revision = excluded.revision, upload_bytes = excluded.upload_bytes,
        download_bytes = excluded.download_bytes, estimated_bytes = excluded.estimated_bytes,
        connections_opened = excluded.connections_opened,
        connections_closed = excluded.connections_closed
      WHERE excluded.revision > upserted.revision`),
    sums: database
      .prepare(`SELECT ${counters('added_up')} FROM added_up WHERE usage_key = ?`)
      .raw(),
    setSums: database.prepare('INSERT OR REPLACE INTO added_up VALUES (?, ?, ?, ?, ?, ?)'),
    move: database.prepare('INSERT OR REPLACE INTO position VALUES (?, ?, ?)'),
    positions: database.prepare('SELECT partition, next FROM position WHERE topic = ?'),
    rewind: database.prepare('DELETE FROM position WHERE topic = ?'),
    // A revision that is part of a refill joins its run.
    disorder: database.prepare(`
      INSERT INTO disorder (usage_key, revision, highest, run)
      SELECT :usageKey, :revision, :highest, coalesce(max(run), 0) FROM disorder
      WHERE usage_key = :usageKey`),
    run: database.prepare(`
      UPDATE disorder SET run = :revision
      WHERE usage_key = :usageKey AND (:revision = 1 OR run = :revision - 1)`),
    filled: database.prepare(`
      UPDATE disorder SET filled = 1 WHERE usage_key = :usageKey AND run = :revision`),
    acceptRefill: database.prepare('UPDATE disorder SET accepted = filled'),
    refilled: database
      .prepare('SELECT count(*) FROM disorder WHERE accepted = 1 AND highest > revision')
      .pluck(),
    disordered: database.prepare(`
      SELECT 'out_of_order' AS kind, format('row %s: revision %d after %d', usage_key, revision, highest) AS message
      FROM disorder WHERE accepted = 0 AND highest > revision`),
    count: database.prepare(`
      INSERT INTO tally VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1`),
    tally: database.prepare('SELECT name, count FROM tally').raw(),
    violate: database.prepare('INSERT INTO violation VALUES (?, ?)'),
    events: database.prepare('SELECT count(*) FROM event').pluck(),
    violations: database.prepare('SELECT kind, message FROM violation ORDER BY rowid'),
    missing: database.prepare(`
      SELECT 'missing_revision' AS kind,
             format('row %s: %d of %d revisions', usage_key, count(*), max(revision)) AS message
      FROM event GROUP BY usage_key HAVING count(*) < max(revision)`),
    disagreeing: database.prepare(`
      SELECT 'disagree' AS kind, format('row %s: its deltas add up to another total', u.usage_key) AS message
      FROM upserted u JOIN added_up a USING (usage_key)
      WHERE (${counters('u')}) IS NOT (${counters('a')})`),
    rows: database.prepare(`
      SELECT window_start AS windowStart,
             concat_ws('/', cluster, namespace, workload_kind, workload) AS workload, sni, revision,
             upload_bytes AS upload, download_bytes AS download,
             connections_opened AS opened, connections_closed AS closed
      FROM upserted
      ORDER BY 1, 2, 3, name_source`),
  }
}
