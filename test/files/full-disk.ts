/**
 * Fills the small disk that it is given with events, makes room, goes on; prints what was
 * acknowledged and what is there.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileSink } from '../../src/files/file-sink.ts'

const folder = process.argv[2] as string
const directory = join(folder, 'events')
const ballast = join(folder, 'ballast')
const sink = new FileSink({ directory, maxFileBytes: 2 ** 20, maxAgeMs: 1e6, maxFiles: 1000 })
const event = (id: number) => ({
  id: String(id).padStart(6, '0'),
  source: '/snimeter/test',
  type: 'io.snimeter.usage.v1',
  subject: 's',
  time: '2026-11-24T12:01:00Z',
  datacontenttype: 'application/json' as const,
  dataschema: 'urn:x',
  partitionkey: 's',
  data: JSON.stringify({ padding: 'x'.repeat(1000) }),
})

const acknowledged: string[] = []
let refusal = ''
let id = 0
const publish = async (): Promise<boolean> => {
  const [delivery] = await sink.publish([event(id)])
  if (delivery?.kind === 'retry') refusal ||= delivery.message
  if (delivery?.kind !== 'acknowledged') return false
  acknowledged.push(event(id++).id)
  return true
}
writeFileSync(ballast, 'x'.repeat(100_000))
while (await publish());
await publish()
rmSync(ballast)
for (let i = 0; i < 20; i++) await publish()
await sink.stop()

const text = readdirSync(directory)
  .filter((name) => name.startsWith('usage-'))
  .map((name) => readFileSync(join(directory, name), 'utf8'))
  .join('')
const whole = text.split('\n').slice(0, -1)
const ids = whole.flatMap((line) => {
  try {
    return [(JSON.parse(line) as { id: string }).id]
  } catch {
    return []
  }
})
const lines = [...new Set(ids)].sort()
process.stdout.write(
  JSON.stringify({ acknowledged, refusal, lines, torn: whole.length - ids.length }),
)
