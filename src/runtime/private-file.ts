import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs'

/** What names and byte counts are written to: the owner writes, the group reads. A stricter umask is kept. */
export const FILE_MODE = 0o640
export const FOLDER_MODE = 0o750

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
