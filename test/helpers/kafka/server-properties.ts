export interface ServerOptions {
  /**
   * Further settings of the server, or other values than here: `message.max.bytes`, …; as a function
   * where they depend on its ports, like further listeners.
   */
  readonly properties?: Properties | ((ports: Ports) => Properties)
  /** Further arguments of the storage tool: `--add-scram …`. */
  readonly formatArguments?: readonly string[]
}

type Properties = Readonly<Record<string, string>>

/** Where it listens on 127.0.0.1. */
export interface Ports {
  readonly client: number
  readonly controller: number
}

/** The text of `server.properties` for a single node that keeps its data in this folder. */
export function serverProperties(
  data: string,
  ports: Ports,
  { properties = {} }: ServerOptions,
): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    ...SINGLE_NODE,
    ...QUICK,
    ...(typeof properties === 'function' ? properties(ports) : properties),
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** Kafka's own topics want three brokers by default. */
const SINGLE_NODE = {
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'auto.create.topics.enable': 'false',
}

const QUICK = {
  'group.initial.rebalance.delay.ms': '0',
  // 128 MB by default, which a small heap does not have.
  'log.cleaner.dedupe.buffer.size': '8388608',
  'log.cleaner.threads': '1',
  'num.network.threads': '2',
  'num.io.threads': '2',
  // A killed broker may not register again before its last session is over: 9 s by default. One
  // that is frozen for longer loses the lead of its partitions for a moment after the thaw.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '300',
  // Records of a recorded or invented past stay.
  'log.retention.ms': '-1',
}
