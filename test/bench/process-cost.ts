import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Linux counts CPU time in hundredths of a second towards user space, on every architecture. */
const TICKS_PER_SECOND = 100

/** From util-linux; not everywhere. */
const PIN_COMMAND = 'taskset'

const canPin =
  availableParallelism() > 1 &&
  spawnSync(PIN_COMMAND, ['--version'], { stdio: 'ignore' }).status === 0

/** The command, bound to one core where `taskset` exists; how far that holds is in the report. */
export function onCore(core: number, command: readonly string[]): readonly string[] {
  return canPin ? [PIN_COMMAND, '-c', String(core), ...command] : command
}

export const pinned = canPin

/** CPU seconds of a process with all its threads, user and system, from /proc. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name is in parentheses and may hold spaces; fields 14 and 15 are utime and stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
