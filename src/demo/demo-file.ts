import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { FILE_MODE, makeFolder } from '../runtime/private-file.ts'

/**
 * Makes an empty file at `first`, or where there is one at `snimeter-2.db`, `snimeter-3.db`, … beside it; gives its
 * path. No file of an earlier demo, or of one that runs now, is touched.
 */
export function claimFile(first: string): string {
  makeFolder(dirname(first))
  for (let number = 1; ; number++) {
    const path = number === 1 ? first : first.replace(/\.db$/, `-${number}.db`)
    // A log without its database would be taken for the log of the new one.
    if (['-wal', '-shm'].some((end) => existsSync(path + end))) continue
    try {
      closeSync(openSync(path, 'wx', FILE_MODE))
      return path
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
