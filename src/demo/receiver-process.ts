import type { ChildProcess } from 'node:child_process'
import { spawnOwnCommand } from './own-command.ts'

/** A running `snimeter serve` on ports that the system chose. */
export interface ReceiverProcess {
  readonly alsPort: number
  readonly httpUrl: string
  /** Lets it drain and commit; throws with its last words if it could not. */
  stop(): Promise<void>
}

interface LogLine {
  readonly msg?: string
  readonly address?: string
}

const ALS_LINE = 'receiving access logs (gRPC)'
const HTTP_LINE = 'serving health, metrics and the API (HTTP)'

/** Starts the receiver on a file and waits until it says where it listens. */
export async function startReceiver(
  dbPath: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReceiverProcess> {
  const child = spawnOwnCommand(
    [
      'serve',
      '--db',
      dbPath,
      '--als-listen',
      '127.0.0.1:0',
      '--http-listen',
      '127.0.0.1:0',
      '--log-format',
      'json',
    ],
    ['ignore', 'ignore', 'pipe'],
    env,
  )
  const log = new ReceiverLog(child)
  const [als, http] = await Promise.all([log.addressOf(ALS_LINE), log.addressOf(HTTP_LINE)])
  return {
    alsPort: Number(als.slice(als.lastIndexOf(':') + 1)),
    httpUrl: `http://${http}`,
    stop: async () => {
      child.kill('SIGTERM')
      const code = await log.ended
      if (code !== 0) throw new Error(`the receiver ended with ${code}: ${log.lastWords}`)
    },
  }
}

/** Reads what the receiver says on stderr, a JSON object a line. */
class ReceiverLog {
  readonly ended: Promise<number | null>
  lastWords = ''
  #rest = ''
  readonly #addresses = new Map<string, PromiseWithResolvers<string>>()

  constructor(child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.ended = new Promise((resolve) => {
      const end = (code: number | null) => {
        const error = new Error(`the receiver did not start: ${this.lastWords}`)
        for (const { reject } of this.#addresses.values()) reject(error)
        resolve(code)
      }
      child.once('error', () => end(null)).once('close', end)
    })
  }

  /** The address in the line with this message; rejects if the process ends before. */
  addressOf(message: string): Promise<string> {
    const waiting = Promise.withResolvers<string>()
    this.#addresses.set(message, waiting)
    return waiting.promise
  }

  #read(text: string): void {
    this.lastWords = (this.lastWords + text).slice(-2048)
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const { msg, address } = parseLine(line)
      if (msg !== undefined && address !== undefined) this.#addresses.get(msg)?.resolve(address)
    }
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return {}
  }
}
