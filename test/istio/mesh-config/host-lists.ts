import fc from 'fast-check'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/)
const domain = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom('com', 'example', 'x1'))
  .map(([labels, top]) => [...labels, top].join('.'))
const wildcard = domain.map((name) => `*.${name}`)
/** Flags with random hosts that their variant accepts. */
export const hostLists = fc.constantFrom(...VARIANT_NAMES).chain((variant) =>
  fc.record({
    variant: fc.constant(variant),
    host:
      variant === 'exact-host'
        ? fc
            .tuple(domain, fc.array(fc.oneof(domain, wildcard), { maxLength: 8 }))
            .map(([one, more]) => [one, ...more])
        : fc.array(wildcard, { minLength: 1, maxLength: 8 }),
    istio: fc.constantFrom('1.30', '1.31', '1.32'),
    port: fc.constantFrom(['443'], ['8443']),
  }),
)
