import type { EnvoyHost, EnvoyIdentity } from './envoy-config.ts'
import { vipListener } from './envoy-config.ts'
import { type EnvoyProcess, startEnvoy } from './envoy-process.ts'
import { TlsClient } from './tls-client.ts'
import { type ServedConnection, TlsServer } from './tls-server.ts'

/** The hosts that every pod's Envoy knows. */
const WILDCARDS = [
  '*.oss-cn-shanghai.aliyuncs.com',
  '*.oss-cn-shanghai-internal.aliyuncs.com',
  '*.huggingface.co',
]
/** A host of which nobody listens: connections are refused. */
const REFUSED = '*.refused.example.com'
/** A host that apps reach by a virtual IP: its listener never looks for an SNI. */
export const VIP_HOST = 'api.partner.example.com'

export interface MeshOptions {
  /** Path of the Envoy binary. */
  readonly binary: string
  /** The receiver, on 127.0.0.1. */
  readonly alsPort: number
  readonly pods: readonly EnvoyIdentity[]
  readonly flushIntervalMs: number
  readonly logConnected?: boolean
  readonly logListener?: boolean
}

/** A pod: an app's place to open connections from, its Envoy, and an internet of its own. */
export interface Pod {
  readonly identity: EnvoyIdentity
  readonly envoy: EnvoyProcess
  /** What the internet saw of this pod. */
  readonly served: readonly ServedConnection[]
  /** A TLS connection through the outbound 443 listener; without a name it has no SNI. */
  connect(sni?: string): TlsClient
  /** A TLS connection through the listener of `VIP_HOST`. */
  connectToVip(): TlsClient
  /** A connection without TLS through the outbound 443 listener. */
  connectInPlainText(): TlsClient
}

/** Pods that run. */
export interface Mesh {
  readonly pods: readonly Pod[]
  /** Stops every Envoy and every server, as often as it is called. */
  stop(): Promise<void>
}

/** Starts an Envoy and a server for every pod; leaves nothing behind if one fails. */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const closing: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  }
  try {
    const refusedPort = await unusedPort()
    const pods = await Promise.all(
      options.pods.map(async (identity) => {
        const server = new TlsServer()
        const port = await server.start()
        closing.push(() => server.stop())
        const hosts: EnvoyHost[] = WILDCARDS.map((host) => ({ host, port }))
        const envoy = await startEnvoy(options.binary, {
          ...options,
          identity,
          hosts: [...hosts, { host: REFUSED, port: refusedPort }],
          vips: [{ host: VIP_HOST, port }],
          passthroughPort: port,
        })
        closing.push(() => envoy.stop())
        return podOf(identity, envoy, server)
      }),
    )
    return { pods, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function podOf(identity: EnvoyIdentity, envoy: EnvoyProcess, server: TlsServer): Pod {
  return {
    identity,
    envoy,
    served: server.connections,
    connect: (sni) => new TlsClient({ port: envoy.port, ...(sni === undefined ? {} : { sni }) }),
    connectToVip: () => new TlsClient({ port: envoy.portOf(vipListener(VIP_HOST)), sni: VIP_HOST }),
    connectInPlainText: () => new TlsClient({ port: envoy.port, plainText: true }),
  }
}

/** A port on which nobody listens: the system does not give it out again soon. */
async function unusedPort(): Promise<number> {
  const server = new TlsServer()
  const port = await server.start()
  await server.stop()
  return port
}
