import { type ChildProcess, spawn } from 'node:child_process'

/** A Java program under test, with the tail of what it says on stdout and stderr. */
export class JavaProcess {
  readonly child: ChildProcess
  /** Resolves when it has ended, however. */
  readonly exited: Promise<number | null>
  /** The last 64 KB of its output. */
  output = ''
  #running = true

  /**
   * Starts `main` of the jars in this folder, tuned for a quick start. It ends with this process,
   * even when this process is killed: a leaked broker takes 150 MB of everybody's memory.
   */
  constructor(jars: string, main: string, args: readonly string[]) {
    this.child = spawn('java', [...FLAGS, '-cp', `${jars}/*`, main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-65_536)
      })
    }
    const watchdog = killWhenWeAreGone(this.child)
    this.exited = new Promise((resolve) => {
      const ended = (code: number | null): void => {
        this.#running = false
        watchdog?.kill('SIGKILL')
        resolve(code)
      }
      this.child.once('close', ended).once('error', (error) => {
        this.output += error.message
        ended(null)
      })
    })
  }

  get isRunning(): boolean {
    return this.#running
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#running) this.child.kill(signal)
    await this.exited
  }
}

/** The compiler for quick code and the simplest collector: a start takes half the time. */
const FLAGS = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Xmx256m',
  '-Dlog4j2.level=INFO',
]

/** The pipe to the shell closes when this process ends in any way: then the shell acts. */
function killWhenWeAreGone({ pid }: ChildProcess): ChildProcess | undefined {
  if (pid === undefined) return undefined
  const watchdog = spawn('sh', ['-c', `read -r _; kill -9 ${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watchdog.unref()
  // A socket in fact, which would keep this process alive.
  ;(watchdog.stdin as unknown as { unref(): void }).unref()
  return watchdog
}
