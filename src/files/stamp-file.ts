import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { readStamp, type Stamp, stampText } from '../model/stamp.ts'
import { FILE_MODE } from '../runtime/private-file.ts'
import { syncFolder } from './event-file.ts'

type Ours = Pick<Stamp, 'ledgerId' | 'sink'>

const nameOf = ({ ledgerId, sink }: Ours): string =>
  `.stamp-${ledgerId}-${encodeURIComponent(sink)}`

/** The newest stamp that a folder has got of a ledger and sink: files of events leave the folder, this one stays. */
export async function readFolderStamp(folder: string, ours: Ours): Promise<Stamp | undefined> {
  try {
    return readStamp(await readFile(join(folder, nameOf(ours)), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Keeps a stamp; it is on the disk when this resolves. */
export async function writeFolderStamp(folder: string, stamp: Stamp): Promise<void> {
  const path = join(folder, nameOf(stamp))
  const handle = await open(`${path}.new`, 'w', FILE_MODE)
  try {
    await handle.writeFile(stampText(stamp))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${path}.new`, path)
  await syncFolder(folder)
}
