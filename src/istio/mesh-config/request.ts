import type { Release } from './release.ts'
import type { VariantName } from './variant-names.ts'

/** For whom the text is: one stream for kubectl, or MeshConfig alone for who installs Istio. */
export const FORMS = ['kubectl', 'istioctl', 'helm'] as const

export type Form = (typeof FORMS)[number]

/** A Service by its parts. */
export interface ServiceRef {
  readonly namespace: string
  readonly name: string
}

/** All that the objects are made from. Every field is checked: see `readMeshRequest`. */
export interface MeshRequest {
  readonly form: Form
  readonly variant: VariantName
  /** Lower case, each once, sorted by domain. */
  readonly hosts: readonly string[]
  /** Ascending, each once. */
  readonly ports: readonly number[]
  /** Time between two reports of an open connection, ms. */
  readonly flushMs: number
  /** Of the ServiceEntries and what belongs to them. */
  readonly namespace: string
  /** MeshConfig's `rootNamespace`: what lies there reaches the whole mesh. */
  readonly rootNamespace: string
  /** Name of the extension provider in MeshConfig. */
  readonly provider: string
  readonly receiver: ServiceRef & { readonly port: number }
  /** The egress gateway; its pods listen on `podPort` and carry the label `istio: <selector>`. */
  readonly gateway: ServiceRef & { readonly podPort: number; readonly selector: string }
  /** Name of the waypoint's Gateway, in `namespace`. */
  readonly waypoint: string
  readonly release: Release
  /** Where the receiver bills what passes the gateway: its `gateways.bill_at`. */
  readonly billAt: 'sidecar' | 'gateway'
}

/** The name that cluster, authority and certificate checks use. */
export const fqdnOf = ({ namespace, name }: ServiceRef): string =>
  `${name}.${namespace}.svc.cluster.local`
