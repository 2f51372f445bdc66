import type { Server } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import type { Health } from '../telemetry/health.ts'
import { SERVICE_NAME } from './access-log-service.ts'

/** Paths of the health service. */
export const HEALTH_PATHS = ['Check', 'Watch', 'List'].map(
  (method) => `/grpc.health.v1.Health/${method}`,
)

/** `''` asks for the server as a whole. */
const SERVICES = ['', SERVICE_NAME]

/**
 * Adds `grpc.health.v1.Health`, which says what `health` says, to a server. Returns how to stop
 * listening to it.
 */
export function addHealthService(server: Server, health: Health): () => void {
  const service = new HealthImplementation()
  const tell = (): void => {
    for (const name of SERVICES) service.setStatus(name, health.ready ? 'SERVING' : 'NOT_SERVING')
  }
  tell()
  service.addToServer(server)
  return health.onChange(tell)
}
