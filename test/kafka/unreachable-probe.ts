/** Publishes 2,000 times to a port where nothing listens; prints by how many bytes the heap grew. */
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { kafkaConfig, someEvents } from './events.ts'

const sink = new KafkaSink(kafkaConfig([`127.0.0.1:${process.argv[2]}`], 'topic'), {
  logger: memoryLogger(),
})
const events = someEvents(500, ['cart'])

async function attempts(count: number): Promise<number> {
  for (let i = 0; i < count; i++) await sink.publish(events)
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const before = await attempts(1000)
process.stdout.write(String((await attempts(1000)) - before))
await sink.stop()
