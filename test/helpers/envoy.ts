import type { TestContext } from 'node:test'
import { EnvoyUnavailable, installEnvoy } from '../../src/demo/envoy-install.ts'

/** The releases that the end-to-end tests run against: the newest, and an older one still in use. */
export const ENVOY_VERSIONS = ['1.40.0', '1.36.2'] as const

/**
 * Path of a real Envoy of this release. Without one, and without a way to get it, the test is
 * skipped and `undefined` is given; in CI (`CI=true`) the test fails instead.
 */
export async function realEnvoy(t: TestContext, version: string): Promise<string | undefined> {
  try {
    return await installEnvoy(version, { env: process.env })
  } catch (error) {
    if (!(error instanceof EnvoyUnavailable) || process.env['CI'] === 'true') throw error
    t.skip(error.message)
    return undefined
  }
}
