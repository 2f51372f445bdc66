import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes that this thread's objects and buffers take, with what waits to be collected. Unlike resident
 * memory it falls when they are gone: the allocator keeps pages for later. Needs no file descriptor.
 */
export function bytesInUse(): number {
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics()
  return heap + buffers
}

/** Resident bytes of the process; undefined when /proc cannot be read (no descriptor is left). */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}

type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void

let gc: Collect | undefined

/** Collects everything that can be collected, and shrinks the heap. Takes time: about 1 ms per MB in use. */
export function collectGarbage(): void {
  if (gc === undefined) {
    // The way to `gc` without a flag on the command line.
    setFlagsFromString('--expose-gc')
    gc = runInNewContext('gc') as Collect
  }
  gc({ type: 'major', flavor: 'last-resort' })
}
