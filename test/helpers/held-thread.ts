/**
 * Measures for how long a turn of the event loop keeps this thread's processor: its own time, whatever
 * else the machine does.
 */
export class HeldThread {
  /** The longest turn, ms of CPU time. */
  longestMs = 0
  #lastMs = cpuMs()
  #isOver = false

  constructor() {
    const look = (): void => {
      const nowMs = cpuMs()
      this.longestMs = Math.max(this.longestMs, nowMs - this.#lastMs)
      this.#lastMs = nowMs
      if (!this.#isOver) setImmediate(look)
    }
    setImmediate(look)
  }

  stop(): number {
    this.#isOver = true
    return this.longestMs
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
