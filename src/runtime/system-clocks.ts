import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/** The clocks of the machine; a test passes its own. */
export interface SystemClocks {
  /** The wall clock, unix ms; may jump. */
  readonly wallMs: () => number
  /** A monotonic clock of this process, ms; never goes back. */
  readonly monotonicMs: () => number
  /** Time since the machine started, ms: the same clock for every process of it. */
  readonly uptimeMs: () => number
  /** Names the start that `uptimeMs` counts from; empty where the system has no such name. */
  readonly bootId: string
}

/** Those of this machine. */
export function systemClocks(): SystemClocks {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    uptimeMs: () => uptime() * 1000,
    bootId: bootId(),
  }
}

/** Linux names each start of the kernel, containers included. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
