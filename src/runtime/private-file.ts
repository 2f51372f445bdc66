import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** What names and byte counts are written to: the owner writes, the group reads. A stricter umask is kept. */
export const FILE_MODE = 0o640
const FOLDER_MODE = 0o750

/**
 * Makes an empty file with `FILE_MODE` unless there is one, whatever the process's umask is. Nothing
 * where that cannot be done: whoever opens the file says why.
 */
export function makePrivate(path: string): void {
  if (existsSync(path)) return
  try {
    closeSync(openSync(path, 'a', FILE_MODE))
  } catch {
    // A folder that is not there, or not writable.
  }
}

/**
 * Makes a folder and those above it that are missing, and gives the first one that was made. Throws the
 * system's error. Node's own `recursive` never returns where a parent is there and a child cannot be made
 * although it is not there (`/proc/x/y`).
 */
export function makeFolder(path: string): string | undefined {
  const folder = resolve(path)
  const parent = dirname(folder)
  const first = existsSync(parent) ? undefined : makeFolder(parent)
  try {
    mkdirSync(folder, FOLDER_MODE)
    return first ?? folder
  } catch (error) {
    // Another process was faster, or it was there; a root or a read-only mount has other codes for that.
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return first
    throw error
  }
}

/** Takes from a file the rights beyond `FILE_MODE`, where this process may; nothing if it is not there. */
export function restrictMode(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || (stats.mode & 0o777 & ~FILE_MODE) === 0) return
  try {
    chmodSync(path, stats.mode & FILE_MODE)
  } catch {
    // Another user's file, which this one may write.
  }
}
