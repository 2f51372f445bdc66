import { open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AGAIN, FINISHED, PART, syncFolder } from './event-file.ts'

const CHUNK = 64 * 1024
const NEWLINE = 10

/**
 * Finishes what the folder's writer left when it died: half a line at the end (its event was not
 * acknowledged, it comes again) is cut off. Only for who holds the folder's lock. Files of events that
 * are sent again are left alone: their writer may be at work, and if it died all of it is a repeat.
 */
export async function finishLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder)
  const left = names.filter((name) => name.endsWith(PART) && !name.endsWith(AGAIN))
  for (const name of left) await finish(folder, name)
  if (left.length > 0) await syncFolder(folder)
}

/** Finished files of a folder. */
export async function countFinished(folder: string, prefix: string): Promise<number> {
  const names = await readdir(folder)
  return names.filter((name) => name.startsWith(`${prefix}-`) && name.endsWith(FINISHED)).length
}

async function finish(folder: string, name: string): Promise<void> {
  const path = join(folder, name)
  const length = await cutHalfLine(path)
  if (length === 0) await unlink(path)
  else await rename(path, join(folder, name.slice(0, name.indexOf(FINISHED) + FINISHED.length)))
}

/** Gives the length that is left. */
async function cutHalfLine(path: string): Promise<number> {
  const handle = await open(path, 'r+')
  try {
    const { size } = await handle.stat()
    const chunk = Buffer.alloc(CHUNK)
    let end = size
    while (end > 0) {
      const start = Math.max(0, end - CHUNK)
      const { bytesRead } = await handle.read(chunk, 0, end - start, start)
      const newline = chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE)
      end = newline < 0 ? start : start + newline + 1
      if (newline >= 0) break
    }
    if (end < size) await handle.truncate(end)
    await handle.sync()
    return end
  } finally {
    await handle.close()
  }
}
