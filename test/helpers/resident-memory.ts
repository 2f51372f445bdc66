import { readFileSync } from 'node:fs'

const PAGE_BYTES = 4096

/** Resident bytes of a process; `undefined` where /proc does not tell. */
export function residentBytes(pid: number | undefined): number | undefined {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Number(pages) * PAGE_BYTES
  } catch {
    return undefined
  }
}

/** The most resident bytes that a process ever had; `undefined` where /proc does not tell. */
export function peakResidentBytes(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  } catch {
    return undefined
  }
}
