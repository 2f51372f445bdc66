import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Broker } from './broker.ts'

/** A record as Kafka's own consumer prints it. */
export interface JavaRecord {
  readonly partition: number
  /** Unix ms. */
  readonly timestamp: bigint
  readonly headers: Readonly<Record<string, string>>
  readonly key: string
  readonly value: string
}

/**
 * The first `count` records of a topic, read by Kafka's own Java consumer: a reader that shares no
 * code with us. Takes about 2 s. Rejects if fewer come within 20 s.
 */
export async function consumeWithJava(
  broker: Broker,
  topic: string,
  count: number,
): Promise<JavaRecord[]> {
  const print = ['timestamp', 'partition', 'headers', 'key', 'value']
  const options = { '--topic': topic, '--max-messages': `${count}`, '--timeout-ms': '20000' }
  const output = await runJava(broker, 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
    '--from-beginning',
    ...Object.entries(options).flat(),
    ...print.flatMap((field) => ['--formatter-property', `print.${field}=true`]),
    '--formatter-property',
    `headers.separator=${HEADER_SEPARATOR}`,
  ])
  const records = output.trimEnd().split('\n').map(parseRecord)
  if (records.length !== count) throw new Error(`${records.length} records instead of ${count}`)
  return records
}

/** Writes records with Kafka's own Java producer, which chooses their partitions. About 2 s. */
export async function produceWithJava(
  broker: Broker,
  topic: string,
  records: readonly { readonly key: string; readonly value: string }[],
): Promise<void> {
  await runJava(
    broker,
    'org.apache.kafka.tools.ConsoleProducer',
    ['--topic', topic, '--reader-property', 'parse.key=true'],
    records.map(({ key, value }) => `${key}\t${value}\n`).join(''),
  )
}

/** Neither in a name nor in a value. */
const HEADER_SEPARATOR = '|'

/** `CreateTime:1\tPartition:0\tname:value|name:value\tkey\tvalue` */
function parseRecord(line: string): JavaRecord {
  const [time = '', partition = '', headers = '', key = '', ...value] = line.split('\t')
  const pairs = headers.split(HEADER_SEPARATOR).map((header): [string, string] => {
    const colon = header.indexOf(':')
    return [header.slice(0, colon), header.slice(colon + 1)]
  })
  return {
    timestamp: BigInt(time.slice(time.indexOf(':') + 1)),
    partition: Number(partition.slice(partition.indexOf(':') + 1)),
    headers: Object.fromEntries(pairs),
    key,
    value: value.join('\t'),
  }
}

const FLAGS = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx128m', '-Dfile.encoding=UTF-8']
const TIME_LIMIT_MS = 60_000

async function runJava(
  { jars, address }: Broker,
  main: string,
  args: readonly string[],
  input = '',
): Promise<string> {
  const child = spawn(
    'java',
    [...FLAGS, '-cp', `${jars}/*`, main, '--bootstrap-server', address, ...args],
    { stdio: 'pipe', timeout: TIME_LIMIT_MS },
  )
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${main} ended with ${code}: ${stderr().slice(-2000)}`)
  return stdout()
}

function collect(stream: NonNullable<ChildProcess['stdout']>): () => string {
  let output = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return () => output
}
