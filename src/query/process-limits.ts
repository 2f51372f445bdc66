import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

/** Bytes that a page of `/proc/PID/statm` has. */
const PAGE = 4096
/** What sorts leave free on a volume, whichever is less: part of it, or bytes. */
const RESERVE_PART = 0.1
const RESERVE_BYTES = 512 * 2 ** 20

/** Resident bytes of a process; undefined where the system does not say (not Linux, or it has ended). */
export function residentBytes(pid: number): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    return Number.isFinite(pages) ? pages * PAGE : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether a folder's volume has room for temporary files: what commits need must stay free. Yes where
 * the system does not say, or has not answered yet: one question at a time, so that a disk that hangs
 * uses up no threads.
 */
export class DiskRoom {
  readonly #folder: string
  #asking = false
  #hasRoom = true

  constructor(folder: string) {
    this.#folder = folder
  }

  /** As of the last answer. */
  get hasRoom(): boolean {
    return this.#hasRoom
  }

  /** Asks again, if the last question was answered. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      const { bavail, bsize, blocks } = await statfs(this.#folder)
      this.#hasRoom = bavail * bsize > Math.min(blocks * bsize * RESERVE_PART, RESERVE_BYTES)
    } catch {
      this.#hasRoom = true
    } finally {
      this.#asking = false
    }
  }
}
