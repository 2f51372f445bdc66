import { fqdnOf, type MeshRequest } from './request.ts'

/** The part of MeshConfig that names the receiver; `extensionProviders` is a list of these. */
export type ExtensionProvider = { readonly name: string } & (
  | { readonly envoyTcpAls: AccessLogService }
  | { readonly envoyHttpAls: AccessLogService }
)

interface AccessLogService {
  /** `namespace/name`: without the namespace, the same name in another one makes it ambiguous. */
  readonly service: string
  readonly port: number
  readonly logName: string
  readonly filterStateObjectsToLog?: readonly string[]
}

/** For hosts whose TLS the sidecar originates: of two providers of one name the last wins. */
export const httpProviderName = ({ provider }: MeshRequest): string => `${provider}-http`

/** The TCP provider, and the HTTP one where requests are logged too; none without Telemetry. */
export function extensionProviders(request: MeshRequest): ExtensionProvider[] {
  const { variant, provider, receiver } = request
  if (variant === 'envoyfilter-only') return []
  const service = `${receiver.namespace}/${fqdnOf(receiver)}`
  const log = { service, port: receiver.port, logName: provider }
  if (variant === 'ambient-waypoint') {
    // A waypoint's node is not the source: the source is in the connection's filter state.
    const filterStateObjectsToLog = ['downstream_peer', 'io.istio.peer_principal']
    return [{ name: provider, envoyTcpAls: { ...log, filterStateObjectsToLog } }]
  }
  const tcp = { name: provider, envoyTcpAls: log }
  if (variant !== 'exact-host') return [tcp]
  const name = httpProviderName(request)
  return [tcp, { name, envoyHttpAls: { service, port: receiver.port, logName: name } }]
}
