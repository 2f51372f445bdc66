import type { Read } from './hosts.ts'

/** An Istio release and the Envoy in its proxy image (istio/proxy, ENVOY_VERSION of each branch). */
export interface Release {
  /** The `29` of 1.29. */
  readonly minor: number
  readonly envoy: string
}

const RELEASES: readonly Release[] = [
  { minor: 27, envoy: '1.35' },
  { minor: 28, envoy: '1.36' },
  { minor: 29, envoy: '1.37' },
  { minor: 30, envoy: '1.38' },
  { minor: 31, envoy: '1.39' },
  { minor: 32, envoy: '1.40' },
]

/** Reads `1.29`, `v1.29` or `1.29.2`; releases nobody has tried are refused. */
export function readRelease(text: string): Read<Release> {
  const minor = /^v?1\.(\d{1,3})(?:\.\d+(?:-[\w.]+)?)?$/.exec(text)?.[1]
  const release = RELEASES.find((known) => known.minor === Number(minor))
  if (release !== undefined) return { value: release }
  return {
    wrong: minor === undefined ? 'is not an Istio release' : 'is a release that nobody has tried',
    fix: 'use one from 1.27 to 1.32',
  }
}
