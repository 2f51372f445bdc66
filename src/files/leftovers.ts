import { open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { FINISHED, PART, syncFolder } from './event-file.ts'

const CHUNK = 64 * 1024
const NEWLINE = 10

/**
 * Finishes what a process that has died was writing: half a line at the end (its event was not
 * acknowledged, it comes again) is cut off. Files of living processes are left alone.
 */
export async function finishLeftovers(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(PART))
  const dead = names.filter((name) => !isAlive(Number(name.split('.').at(-2))))
  for (const name of dead) await finish(folder, name)
  if (dead.length > 0) await syncFolder(folder)
}

/** Finished files of a folder. */
export async function countFinished(folder: string): Promise<number> {
  const names = await readdir(folder)
  return names.filter((name) => name.startsWith('usage-') && name.endsWith(FINISHED)).length
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

/** In a container every process has the same number: our own is that of one before us. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
