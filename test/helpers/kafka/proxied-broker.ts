import type { TestContext } from 'node:test'
import { freePort } from '../free-port.ts'
import { type Broker, startBroker } from './broker.ts'
import { Proxy } from './proxy.ts'

/** A broker, and a network to it that can be broken. */
export interface ProxiedBroker {
  readonly broker: Broker
  readonly proxy: Proxy
}

/**
 * A broker with one more listener, which it advertises at the proxy's address: whoever bootstraps
 * there talks to it through the proxy ever after. `broker.address` is the way around it.
 */
export async function startProxiedBroker(t: TestContext): Promise<ProxiedBroker | undefined> {
  const port = await freePort()
  const proxy = await Proxy.listen(port)
  t.after(() => proxy.close())
  const broker = await startBroker(t, {
    properties: ({ client, controller }) => ({
      listeners: `PLAINTEXT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller},PROXIED://127.0.0.1:${port}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${client},PROXIED://${proxy.address}`,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT',
    }),
  })
  return broker && { broker, proxy }
}
