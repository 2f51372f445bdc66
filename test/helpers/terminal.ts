import { spawnSync } from 'node:child_process'
import { cleanEnvironment, MAIN, PROJECT } from './command.ts'

/** Runs the rest of its arguments in a terminal of so many columns, and prints what it got. */
const PROGRAM = `
import fcntl, os, pty, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24 if columns else 0, columns, 0, 0))
    os.execvp(command[0], command)
written = b''
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    written += part
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(written)
sys.exit(code)`

/** Whether there is a Python 3 that can make terminals. */
export const hasTerminals = spawnSync('python3', ['-c', 'import pty, termios']).status === 0

/** The lines that `snimeter …` writes to a real terminal of so many columns (0: it does not say how many). */
export function linesOnTerminal(columns: number, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(
    'python3',
    ['-c', PROGRAM, String(columns), process.execPath, MAIN, ...args],
    { cwd: PROJECT, env: cleanEnvironment(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  )
  if (status !== 0)
    throw new Error(`snimeter ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
  return stdout.trimEnd().split('\r\n')
}
