const DAY_MS = 86_400_000

/** From a moment on, local time is UTC plus an offset. */
export interface ZoneSpan {
  readonly fromMs: number
  readonly offsetMs: number
}

/** A time zone of the IANA database, with its summer times. */
export class Zone {
  static readonly utc = new Zone('UTC')
  /** As it was given, but spelt as the database does. */
  readonly name: string
  /** None for UTC: the first one of a process takes 7 MB. */
  readonly #format: Intl.DateTimeFormat | undefined

  private constructor(name: string, format?: Intl.DateTimeFormat) {
    this.name = name
    this.#format = format
  }

  /** Throws a RangeError that says what can be written. */
  static of(name: string): Zone {
    // Intl takes `+08:00` as well, which has no summer time and no name.
    if (/^[A-Za-z]/.test(name)) {
      try {
        const format = formatIn(name)
        const { timeZone } = format.resolvedOptions()
        // The database has names of before beside those of now (Calcutta, Kolkata): the given one stays.
        const isSpelling = timeZone.toLowerCase() === name.toLowerCase()
        return new Zone(isSpelling || timeZone === 'UTC' ? timeZone : name, format)
      } catch {
        // The same message as for what is no name at all.
      }
    }
    throw new RangeError(
      `${JSON.stringify(name)} is no time zone; write a name of the IANA database, like Asia/Shanghai or UTC`,
    )
  }

  get isUtc(): boolean {
    return this.name === 'UTC'
  }

  /** What is added to UTC at a moment (unix ms). */
  offsetMs(ms: number): number {
    const second = Math.floor(ms / 1000) * 1000
    return this.isUtc ? 0 : this.#localMs(second) - second
  }

  /**
   * The moment of a local time, given as the unix ms that it would be in UTC. Of a time that comes twice the
   * first one; one that is skipped is as much later as the clocks were set forward.
   */
  momentMs(localMs: number): number {
    const before = this.offsetMs(localMs - DAY_MS)
    const after = this.offsetMs(localMs + DAY_MS)
    const moments = [localMs - before, localMs - after].filter(
      (moment) => moment + this.offsetMs(moment) === localMs,
    )
    return moments.length === 0 ? localMs - before : Math.min(...moments)
  }

  /** `2026-11-24T20:00:00+08:00`; `…Z` in UTC. Milliseconds only where there are any, or if asked for. */
  iso(ms: number, milliseconds = ms % 1000 !== 0): string {
    const offset = this.offsetMs(ms)
    const local = new Date(ms + offset).toISOString()
    const text = milliseconds ? local.slice(0, -1) : local.slice(0, 19)
    return text + (this.isUtc ? 'Z' : offsetText(offset))
  }

  /** The offsets between two moments, oldest first; the first one holds before them as well. */
  spans(fromMs: number, toMs: number): ZoneSpan[] {
    const spans: ZoneSpan[] = [{ fromMs, offsetMs: this.offsetMs(fromMs) }]
    for (let day = fromMs; day < toMs; day += DAY_MS) {
      const offsetMs = this.offsetMs(day + DAY_MS)
      if (offsetMs === spans.at(-1)?.offsetMs) continue
      spans.push({ fromMs: this.#changeMs(day, day + DAY_MS), offsetMs })
    }
    return spans
  }

  /** When the offset of the later moment begins; the earlier one has another. */
  #changeMs(earlierMs: number, laterMs: number): number {
    const offset = this.offsetMs(laterMs)
    let [low, high] = [Math.floor(earlierMs / 1000), Math.ceil(laterMs / 1000)]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.offsetMs(middle * 1000) === offset) high = middle
      else low = middle
    }
    return high * 1000
  }

  #localMs(ms: number): number {
    const texts = this.#format?.formatToParts(ms) ?? []
    const parts = Object.fromEntries(texts.map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }
}

/** Throws for what is no time zone. */
function formatIn(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
}

/** `+08:00` */
export function offsetText(offsetMs: number): string {
  const minutes = Math.abs(Math.round(offsetMs / 60_000))
  const two = (count: number): string => String(count).padStart(2, '0')
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
