import {
  DestinationRule,
  Gateway,
  ServiceEntry,
  VirtualService,
} from '@kubernetes-models/istio/networking.istio.io/v1'
import { EnvoyFilter } from '@kubernetes-models/istio/networking.istio.io/v1alpha3'
import { Telemetry } from '@kubernetes-models/istio/telemetry.istio.io/v1'

const MODELS = [DestinationRule, EnvoyFilter, Gateway, ServiceEntry, Telemetry, VirtualService]

/** What Istio's own schemas say against an object; they do not know unknown fields. */
export function invalid(object: unknown): string[] {
  const { apiVersion, kind } = object as { apiVersion: string; kind: string }
  const Model = MODELS.find((model) => model.apiVersion === apiVersion && model.kind === kind)
  if (Model === undefined) return [`no schema for ${apiVersion} ${kind}`]
  try {
    new Model(object as never).validate()
    return []
  } catch (error) {
    return [`${kind}: ${String(error)}`]
  }
}
