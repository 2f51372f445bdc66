import { readdirSync, readFileSync } from 'node:fs'

/** Process ids of the processes that a process has started and that have not ended. */
export function childProcesses(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      const status = statusOf(candidate)
      return status?.parent === pid && status.state !== 'Z'
    })
}

/** Whether a process runs. */
export function isRunning(pid: number): boolean {
  const state = statusOf(pid)?.state
  return state !== undefined && state !== 'Z'
}

function statusOf(pid: number): { readonly parent: number; readonly state: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold anything.
    const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(parent), state }
  } catch {
    return undefined
  }
}
