import { parentPort, workerData } from 'node:worker_threads'
import type { Admission } from '../model/stamp.ts'
import { hourEvent } from '../outbox/hour-event.ts'
import { Relay } from '../outbox/relay.ts'
import { PublicationReader } from '../store/publication-reader.ts'
import { createLogger } from '../telemetry/logger.ts'
import { configuredSinks, hourSinks, type NamedSink } from './configured-sinks.ts'
import type { FanOutConfig, FromFanOut, ToFanOut } from './messages.ts'
import { SendGuard } from './send-guard.ts'
import { topicWatches } from './topic-watches.ts'

/** How often figures are told, ms. */
const STATS_EVERY_MS = 1000

/** The fan-out thread: one relay a sink, each at its own pace. */
if (parentPort === null) throw new Error('fan-out-thread runs as a worker thread only')
const port = parentPort
const config = workerData as FanOutConfig
const logger = createLogger(config.log)
const reader = new PublicationReader(config.store.path)
const waiting = new Map<
  number,
  { resolve: (admission?: Admission) => void; reject: (error: Error) => void }
>()
let requests = 0

function tell(message: FromFanOut): void {
  port.postMessage(message)
}

/** Resolves when the main thread says that the outcome is in the file. */
function settled(ask: (id: number) => void): Promise<Admission | undefined> {
  const id = ++requests
  return new Promise<Admission | undefined>((resolve, reject) => {
    waiting.set(id, { resolve, reject })
    ask(id)
  })
}

const outcomes = {
  acknowledge: async (sink: string, sequences: readonly number[]) => {
    await settled((id) => tell({ kind: 'acknowledge', id, sink, sequences }))
  },
  park: async (
    sink: string,
    events: readonly { sequence: number; reason: string; message: string }[],
  ) => {
    await settled((id) => tell({ kind: 'park', id, sink, events }))
  },
}

const guardOf = (sink: string) =>
  new SendGuard(sink, {
    reader,
    logger,
    judge: async (found) => {
      const admission = await settled((id) => tell({ kind: 'admit', id, sink, found }))
      if (admission === undefined) throw new Error('the file gave no answer')
      return admission
    },
  })

const relays = (await configuredSinks(config, logger, { guardOf })).map(
  ({ name, sink }) => [name, new Relay({ name }, { sink, reader, outcomes, logger })] as const,
)

/** Carries the marks of a sink's hours. One that is refused waits, and is tried again at the next start. */
function hourRelay({ name, sink }: NamedSink): Relay {
  return new Relay(
    { name: `${name} (hours)` },
    {
      sink,
      logger,
      reader: {
        page: (_, afterSequence, limit) =>
          reader
            .hours(name, afterSequence, limit)
            .map(({ sequence, mark }) => ({ sequence, event: hourEvent(mark) })),
      },
      outcomes: {
        acknowledge: async (_, sequences) => {
          await settled((id) => tell({ kind: 'acknowledgeHours', id, sink: name, sequences }))
        },
        park: () => Promise.resolve(),
      },
    },
  )
}

const hourRelays = (await hourSinks(config, logger, { guardOf })).map(hourRelay)

const watches = await topicWatches(config, {
  logger,
  reader,
  remember: async (sink, memory) => {
    await settled((id) => tell({ kind: 'remember', id, sink, memory }))
  },
})
const conditions = new Map<string, string>()

/** A topic that takes events again may be another one by now. */
function lookWhereChanged(): void {
  for (const [name, { condition }] of relays) {
    if (condition === 'up' && (conditions.get(name) ?? 'up') !== 'up') {
      watches.get(name)?.lookNow(false)
    }
    conditions.set(name, condition)
  }
}

const stats = setInterval(() => {
  lookWhereChanged()
  tell({
    kind: 'stats',
    stats: Object.fromEntries(relays.map(([name, { stats }]) => [name, stats])),
    conditions: Object.fromEntries(relays.map(([name, { condition }]) => [name, condition])),
    findings: Object.fromEntries([...watches].map(([name, { findings }]) => [name, findings])),
  })
}, STATS_EVERY_MS)

async function stop(withinMs: number): Promise<void> {
  clearInterval(stats)
  const all = [...relays.map(([, relay]) => relay), ...hourRelays]
  for (const watch of watches.values()) watch.stop()
  await Promise.all(all.map((relay) => relay.stop(withinMs)))
  reader.close()
  tell({ kind: 'stopped' })
}

port.on('message', (message: ToFanOut) => {
  switch (message.kind) {
    case 'settled':
      waiting.get(message.id)?.resolve(message.admission)
      waiting.delete(message.id)
      return
    case 'unsettled':
      waiting.get(message.id)?.reject(new Error(message.message))
      waiting.delete(message.id)
      return
    case 'retry':
      for (const [, relay] of relays) relay.retryNow()
      for (const relay of hourRelays) relay.retryNow()
      for (const watch of watches.values()) watch.lookNow(true)
      return
    case 'stop':
      void stop(message.withinMs)
  }
})

for (const [, relay] of relays) relay.start()
for (const relay of hourRelays) relay.start()
for (const watch of watches.values()) watch.start()
