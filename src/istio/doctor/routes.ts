import { at, fieldsOf, listOf, textOf, textsOf } from '../untyped.ts'
import { specList } from '../yaml-stream.ts'
import type { Mesh } from './mesh.ts'

/** Server names that a VirtualService sends somewhere else. */
export interface Route {
  readonly hosts: readonly string[]
  /** Host of the destination. */
  readonly destination: string
}

/** Routes of sidecars (`gateways: [mesh]`) whose destination is a Service: an egress gateway. */
export const gatewayRoutes = (mesh: Mesh): Route[] =>
  tlsRoutes(mesh, (gateways) => gateways.includes('mesh')).filter(({ destination }) =>
    destination.includes('.svc.'),
  )

/** Routes of gateways: where they send what sidecars sent them. */
export const routesOfGateways = (mesh: Mesh): Route[] =>
  tlsRoutes(mesh, (gateways) => gateways.some((name) => name !== 'mesh'))

function tlsRoutes(mesh: Mesh, applies: (gateways: readonly string[]) => boolean): Route[] {
  return mesh.ofKind('VirtualService').flatMap((service) => {
    const ofService = textsOf(service.spec['gateways'])
    return specList(service, 'tls').flatMap(({ match, route }) => {
      const matches = listOf(match).map(fieldsOf)
      const hosts = matches.flatMap((one) => {
        const own = textsOf(one['gateways'])
        const gateways = own.length > 0 ? own : ofService.length > 0 ? ofService : ['mesh']
        return applies(gateways) ? textsOf(one['sniHosts']) : []
      })
      return listOf(route).flatMap((one) => {
        const destination = textOf(at(one, 'destination', 'host'))
        return hosts.length === 0 || destination === undefined ? [] : [{ hosts, destination }]
      })
    })
  })
}
