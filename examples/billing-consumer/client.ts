import { createRequire } from 'node:module'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import kafkajs, { type Kafka } from 'kafkajs'

const { CompressionCodecs, CompressionTypes, KafkaJSNonRetriableError, logLevel } = kafkajs

/** A kafkajs client that can read every topic of snimeter, and waits without work while it is idle. */
export function kafkaClient(brokers: readonly string[]): Kafka {
  return new kafkajs.Kafka({
    clientId: 'snimeter-billing-consumer',
    brokers: [...brokers],
    // The error that ends the program says why; each attempt would be a line with a stack.
    logLevel: logLevel.NOTHING,
    retry: RETRY,
  })
}

/** About ten seconds for a broker that restarts. kafkajs retries within retries, so it can be three times that. */
export const RETRY = { initialRetryTime: 300, maxRetryTime: 2000, retries: 6 }

// kafkajs has gzip only. snimeter compresses with zstd by default, which Node has.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync(buffer),
})
for (const [type, name] of [
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
] as const) {
  CompressionCodecs[type] = () => {
    // Any other error is tried again for ten seconds.
    throw new KafkaJSNonRetriableError(
      `the topic has records in ${name}, which this example cannot read: register a codec in client.ts, or set kafka.compression to zstd or gzip`,
    )
  }
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly scheduleCheckPendingRequests: (this: RequestQueue) => void
}

/**
 * On every connection kafkajs 2.2.4 arms a timer for requests that wait, also when none waits: at a time in the
 * past, for ever. That costs 4 % of a core, and Node 24 prints TimeoutNegativeWarning. With this change
 * the timer runs only while requests wait.
 */
function calmRequestQueue(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue
  }
  const schedule = prototype.scheduleCheckPendingRequests
  Object.assign(prototype, {
    scheduleCheckPendingRequests(this: RequestQueue): void {
      if (this.pending.length > 0) schedule.call(this)
    },
  })
}
calmRequestQueue()
