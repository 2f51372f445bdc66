/** Every way to wire a mesh, the default first. */
export const VARIANT_NAMES = [
  'telemetry',
  'envoyfilter-only',
  'exact-host',
  'unregistered-egress',
  'egress-gateway',
  'ambient-waypoint',
  'dynamic-dns',
] as const

export type VariantName = (typeof VARIANT_NAMES)[number]
