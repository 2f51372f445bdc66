import type { MeshObject } from './mesh-object.ts'
import { fqdnOf, type MeshRequest } from './request.ts'

/** The gateway's listener: it passes the app's own TLS on and sees its server name. */
export function passthroughGateway({ hosts, ports, gateway }: MeshRequest): MeshObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'egress', namespace: gateway.namespace },
    spec: {
      selector: { istio: gateway.selector },
      servers: ports.map((number) => ({
        port: { number, name: 'tls', protocol: 'TLS' },
        hosts,
        tls: { mode: 'PASSTHROUGH' },
      })),
    },
  }
}

/** Sidecars to the gateway in one route; the gateway to the world in one for each host. */
export function gatewayRoutes({ hosts, ports, gateway }: MeshRequest): MeshObject {
  const own = `${gateway.namespace}/egress`
  const route = (from: string, port: number, sniHosts: readonly string[], to: string) => ({
    match: [{ gateways: [from], port, sniHosts }],
    route: [{ destination: { host: to, port: { number: port } } }],
  })
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'egress', namespace: gateway.namespace },
    spec: {
      hosts,
      gateways: ['mesh', own],
      tls: ports.flatMap((port) => [
        route('mesh', port, hosts, fqdnOf(gateway)),
        ...hosts.map((host) => route(own, port, [host], host)),
      ]),
    },
  }
}
