import assert from 'node:assert/strict'
import { type MeshFlags, readMeshRequest } from '../../../src/istio/mesh-config/read-request.ts'
import type { MeshRequest } from '../../../src/istio/mesh-config/request.ts'

type Asked = ReturnType<typeof readMeshRequest>

/** A request to a receiver with the default configuration. */
export function ask(flags: Partial<MeshFlags>, server: object = {}): Asked {
  return readMeshRequest(
    { flushMs: 15_000, form: 'kubectl', ...flags },
    { flushMs: 30_000, billAt: 'sidecar', ...server },
  )
}

/** One that must be accepted. */
export function asked(flags: Partial<MeshFlags>): MeshRequest {
  const answer = ask(flags)
  assert.ok('request' in answer, JSON.stringify(answer))
  return answer.request
}
