import { once } from 'node:events'
import type { Output } from './surroundings.ts'

/** Characters that are written at a time. */
const PAGE = 64 * 1024

/** Writes texts one after the other, no faster than they are read: memory holds a page of them. */
export async function writeAll(output: Output, texts: Iterable<string>): Promise<void> {
  let page = ''
  const write = async (): Promise<void> => {
    if (!output.write(page)) await once(output, 'drain')
    page = ''
  }
  for (const text of texts) {
    page += text
    if (page.length >= PAGE) await write()
  }
  if (page !== '') await write()
}

/** Resolves when everything that was written has left the process. */
export function flushed(output: Output): Promise<void> {
  return new Promise((resolve) => {
    output.write('', () => resolve())
  })
}
