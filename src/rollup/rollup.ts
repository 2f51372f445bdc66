import type { UsageColumns } from '../model/batch.ts'
import type { FairShare } from '../runtime/fair-share.ts'
import { PendingUsage } from './pending-usage.ts'
import type { WindowLengths } from './window-lengths.ts'

/** A span longer than this many windows is cut to its last ones (design: when bytes are booked). */
export const MAX_SPAN_WINDOWS = 1440

/**
 * Books deltas to windows. The parts of a delta add up to the delta, exactly: each window gets the
 * difference of two floors of one non-decreasing function that ends at the whole delta.
 *
 *   span      (start ───────────────────────────▶ end]
 *   windows   [      w0      )[      w1      )[      w2      )
 *   parts      └─ overlap ───┘└──────────────┘└───────┘
 */
export class Rollup {
  /** Bytes booked since the process began, both ways. */
  bookedBytes = 0
  /** Moments that had to be clamped up to `minutesFromMs`. */
  clamped = 0
  /** No minute row before this moment is ever made; moves back only where the wall clock was far ahead. */
  minutesFromMs: number
  readonly #lengths: WindowLengths
  readonly #pending: PendingUsage

  constructor(lengths: WindowLengths, minutesFromMs: number, pendingRows: number) {
    this.#lengths = lengths
    this.minutesFromMs = minutesFromMs
    this.#pending = new PendingUsage(pendingRows)
  }

  get pendingRows(): number {
    return this.#pending.count
  }

  /** Pending rows, by the sender whose report made them. */
  get pool(): FairShare {
    return this.#pending.share
  }

  /** Who reports what is booked next (`Sender.key`). */
  set sender(sender: string) {
    this.#pending.sender = sender
  }

  /** Deltas that missed their own window: clamped, or joined for want of room. */
  get bookedLate(): number {
    return this.clamped + this.#pending.late
  }

  /** A connection (or request) first seen; `ms` is its clamped start. */
  opened(workload: number, pod: number, destination: number, ms: number): void {
    this.#addAt(workload, pod, destination, ms, 0, 0, 1, 0)
  }

  /** A connection's (or request's) first final, at its moment. */
  closed(workload: number, pod: number, destination: number, ms: number): void {
    this.#addAt(workload, pod, destination, ms, 0, 0, 0, 1)
  }

  /**
   * Books a delta over the span `(startMs, endMs]`, whole ms; an empty span (`endMs <= startMs`) is
   * a point at `endMs`.
   */
  book(
    workload: number,
    pod: number,
    destination: number,
    upload: number,
    download: number,
    startMs: number,
    endMs: number,
  ): void {
    let start = startMs
    let end = endMs
    this.bookedBytes += upload + download
    // Cut or moved up to what may still be booked: the part before is an estimate, and late.
    const isCut = start < this.minutesFromMs
    if (isCut) {
      start = this.minutesFromMs
      if (end < start) end = start
      this.clamped++
    }
    if (end <= start) {
      this.#addAt(workload, pod, destination, end, upload, download, 0, 0)
      return
    }
    // The last window is the one that holds the last millisecond before `end`.
    const lastSeconds = this.#lengths.secondsAt(end - 1)
    const lastWindow = Math.floor((end - 1) / (lastSeconds * 1000)) * lastSeconds * 1000
    if (start >= lastWindow) {
      this.#pending.add(
        lastWindow,
        lastSeconds,
        workload,
        pod,
        destination,
        upload,
        download,
        isCut ? upload + download : 0,
        0,
        0,
        start,
        end,
      )
      return
    }
    const earliest = lastWindow - (MAX_SPAN_WINDOWS - 1) * lastSeconds * 1000
    if (start < earliest) start = earliest
    this.#spread(workload, pod, destination, upload, download, start, end)
  }

  cut(): UsageColumns {
    return this.#pending.cut()
  }

  #spread(
    workload: number,
    pod: number,
    destination: number,
    upload: number,
    download: number,
    start: number,
    end: number,
  ): void {
    let from = start
    let uploadBefore = 0
    let downloadBefore = 0
    while (from < end) {
      const seconds = this.#lengths.secondsAt(from)
      const window = Math.floor(from / (seconds * 1000)) * seconds * 1000
      const to = Math.min(window + seconds * 1000, end)
      const uploadTo = share(upload, to - start, end - start)
      const downloadTo = share(download, to - start, end - start)
      const up = uploadTo - uploadBefore
      const down = downloadTo - downloadBefore
      if (up > 0 || down > 0) {
        this.#pending.add(
          window,
          seconds,
          workload,
          pod,
          destination,
          up,
          down,
          up + down,
          0,
          0,
          from,
          to,
        )
      }
      uploadBefore = uploadTo
      downloadBefore = downloadTo
      from = to
    }
  }

  #addAt(
    workload: number,
    pod: number,
    destination: number,
    ms: number,
    upload: number,
    download: number,
    opened: number,
    closed: number,
  ): void {
    let at = ms
    if (at < this.minutesFromMs) {
      at = this.minutesFromMs
      this.clamped++
    }
    const seconds = this.#lengths.secondsAt(at)
    const window = Math.floor(at / (seconds * 1000)) * seconds * 1000
    this.#pending.add(
      window,
      seconds,
      workload,
      pod,
      destination,
      upload,
      download,
      0,
      opened,
      closed,
      at,
      at,
    )
  }
}

/**
 * `floor(total * part / whole)` for `0 <= part <= whole`: exact while the product is an exact
 * double; beyond (deltas of gigabytes over hours) one rounding, still non-decreasing in `part` and
 * equal to `total` at the end, which is all that "the parts add up" needs.
 */
export function share(total: number, part: number, whole: number): number {
  if (part >= whole) return total
  if (total * whole <= Number.MAX_SAFE_INTEGER) return Math.floor((total * part) / whole)
  return Math.floor(total * (part / whole))
}
