/**
 * A process of its own, because file descriptors are counted by process: opens streams that never
 * say a word, says `open` when the server has answered all of them, and holds them until stdin ends.
 *
 *   node idle-streams.ts PORT COUNT
 */
import { RawStream } from './raw-stream.ts'

const [port, count] = process.argv.slice(2).map(Number)
/** At a time: the server's accept queue is shorter than the count. */
const WIDTH = 100

const streams: RawStream[] = []
let left = count ?? 0
await Promise.all(
  Array.from({ length: WIDTH }, async () => {
    while (left-- > 0) streams.push(await RawStream.open(port ?? 0))
  }),
)
process.stdout.write('open\n')
process.stdin.on('end', () => process.exit()).resume()
