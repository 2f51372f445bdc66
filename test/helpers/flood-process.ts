import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BareSender, framed } from './bare-sender.ts'
import { delimitedField, tcpMessage } from './entry-writer.ts'

/** What is sent as fast as it is taken: all of it costs the receiver most per byte. */
const FLOODS = {
  /** Entries that say nothing, of a sender that says nothing. */
  'empty entries': framed(tcpMessage(Array.from({ length: 30_000 }, () => Buffer.alloc(0)))),
  /** Finals without an id: the identity of each is a hash. */
  'entries without id': framed(
    tcpMessage(Array.from({ length: 7000 }, (_, n) => delimitedField(1, startOf(n)))),
  ),
  'empty messages': Buffer.alloc(65_000),
  /** A message that is handled in parts, of one entry each. */
  'lists of one entry': framed(
    Buffer.concat(Array.from({ length: 60_000 }, () => tcpMessage([Buffer.alloc(0)]))),
  ),
  streams: undefined,
} as const

export type Flood = keyof typeof FLOODS
export const ALL_FLOODS = Object.keys(FLOODS) as Flood[]

export interface FloodOptions {
  readonly flood: Flood
  readonly port: number
  /** 127.x.y.z: the sender that the receiver sees. */
  readonly address: string
  readonly connections: number
  readonly seconds: number
}

/** A flood from a process of its own, so that it takes none of the test's time; resolves at its end. */
export async function floodFromProcess(options: FloodOptions): Promise<void> {
  const script = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the flood ended with ${code}`)
}

/** `start_time` as seconds. */
function startOf(seconds: number): Buffer {
  return delimitedField(5, Buffer.of(8, (seconds & 0x7f) | 0x80, seconds >> 7))
}

function run({ flood, port, address, connections, seconds }: FloodOptions): void {
  const senders = Array.from({ length: connections }, () => new BareSender({ port, address }))
  for (const sender of senders) {
    const content = FLOODS[flood]
    if (content === undefined) openStreams(sender)
    else sendAgain(sender, content)
  }
  setTimeout(() => process.exit(0), seconds * 1000)
}

function sendAgain(sender: BareSender, content: Buffer): void {
  const stream = sender.call()
  const send = (): void => {
    if (stream.write(content)) setImmediate(send)
    else stream.once('drain', send)
  }
  send()
}

function openStreams(sender: BareSender): void {
  for (let i = 0; i < 200; i++) sender.call()
  setImmediate(() => openStreams(sender))
}

const [, script, options] = process.argv
if (script === fileURLToPath(import.meta.url) && options !== undefined) run(JSON.parse(options))
