import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { FILE_MODE } from '../runtime/private-file.ts'

/** Ends the name of a file that is still written. */
export const PART = '.part'
/** Ends it where events are sent again, beside the folder's own writer. */
export const AGAIN = `.again${PART}`
/** Ends the name of a file that will never change again. */
export const FINISHED = '.ndjson'

/**
 * A file of lines while it is written. A line is there once its `append` has resolved, on the disk and
 * whole; what a failed `append` left behind is cut off.
 */
export class EventFile {
  readonly #folder: string
  readonly #name: string
  readonly #part: string
  readonly #handle: FileHandle
  #bytes = 0

  private constructor(folder: string, name: string, part: string, handle: FileHandle) {
    this.#folder = folder
    this.#name = name
    this.#part = part
    this.#handle = handle
  }

  /**
   * A new file, named after the moment (UTC) and chance: no two processes ever write the same.
   *
   * @param end of its name while it is written: `PART` or `AGAIN`
   * @param prefix begins its name
   */
  static async create(
    folder: string,
    nowMs: number,
    end: string,
    prefix: string,
  ): Promise<EventFile> {
    const moment = new Date(nowMs).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '')
    const name = `${prefix}-${moment}-${randomBytes(4).toString('hex')}${FINISHED}`
    const handle = await open(join(folder, name + end), 'ax', FILE_MODE)
    const file = new EventFile(folder, name, name + end, handle)
    try {
      // Or a power cut could take the file with all its synced lines.
      await syncFolder(folder)
    } catch (error) {
      await file.abandon()
      throw error
    }
    return file
  }

  /** Length of the lines that are there. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Writes and syncs whole lines. Rejects with the system's error: then none of them is promised to be
   * there, and nothing more may be appended.
   */
  async append(lines: string): Promise<void> {
    const bytes = Buffer.from(lines)
    try {
      await writeAll(this.#handle, bytes)
      await this.#handle.datasync()
      // Deleted under our hands: nobody would ever find these lines.
      if ((await this.#handle.stat()).nlink === 0) throw new Error(`${this.#name} was deleted`)
      this.#bytes += bytes.length
    } catch (error) {
      // Where even this fails, the half line is cut off as that of a process that died.
      await this.#handle.truncate(this.#bytes).catch(() => undefined)
      throw error
    }
  }

  /** Closes it and gives it its final name. */
  async finish(): Promise<void> {
    await this.#handle.close()
    await rename(join(this.#folder, this.#part), join(this.#folder, this.#name))
    await syncFolder(this.#folder)
  }

  /** Closes it as it is; the next start finishes it. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
  }
}

/** Makes renames and new files in a folder last. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A write may take fewer bytes than it was given. */
async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at)).bytesWritten
  }
}
