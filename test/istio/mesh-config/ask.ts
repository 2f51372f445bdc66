import assert from 'node:assert/strict'
import { type MeshFlags, readMeshRequest } from '../../../src/istio/mesh-config/read-request.ts'
import type { ServerSettings } from '../../../src/istio/mesh-config/refusals.ts'
import type { MeshRequest } from '../../../src/istio/mesh-config/request.ts'

type Asked = ReturnType<typeof readMeshRequest>

/** A request to a receiver with the default configuration. */
export function ask(flags: Partial<MeshFlags>, server: Partial<ServerSettings> = {}): Asked {
  return readMeshRequest(
    { flushMs: 15_000, form: 'kubectl', ...flags },
    { flushMs: 30_000, billAt: 'sidecar', gatewayHosts: [], ...server },
  )
}

/** One that must be accepted. */
export function asked(
  flags: Partial<MeshFlags>,
  server: Partial<ServerSettings> = {},
): MeshRequest {
  const answer = ask(flags, server)
  assert.ok('request' in answer, JSON.stringify(answer))
  return answer.request
}
