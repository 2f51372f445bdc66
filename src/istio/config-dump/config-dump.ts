import { at, type Fields, fieldsOf, listOf, protoAt, textOf } from '../untyped.ts'

/** What Envoy runs with, as far as access logs are concerned; and what it has refused. */
export interface ConfigDump {
  readonly listeners: readonly Fields[]
  readonly clusters: readonly Fields[]
  /** `sidecar~…`, `router~…`, `waypoint~…`; '' where the dump does not say. */
  readonly nodeId: string
  readonly refused: readonly { readonly name: string; readonly details: string }[]
}

/**
 * Reads `istioctl proxy-config listener|cluster|all -o json`, Envoy's `/config_dump`, or an object
 * with `listeners` and `clusters`. Names may be in snake_case or camelCase. Pure.
 */
export function readConfigDump(text: string): ConfigDump | { readonly wrong: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { wrong: `is not JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  const dump = Array.isArray(value) ? sorted(value) : readObject(fieldsOf(value))
  return dump.listeners.length + dump.clusters.length + dump.refused.length === 0
    ? { wrong: 'has no listeners and no clusters' }
    : dump
}

function readObject(body: Fields): ConfigDump {
  if (!Array.isArray(body['configs'])) {
    const lists = [...listOf(body['listeners']), ...listOf(body['clusters'])]
    return sorted(lists.length > 0 ? lists : [body])
  }
  const configs = body['configs'].map(fieldsOf)
  const states = configs.flatMap((config) => listOf(protoAt(config, 'dynamic_listeners')))
  return {
    listeners: [
      ...states.map((state) => protoAt(state, 'active_state', 'listener')),
      ...inner(configs, 'static_listeners', 'listener'),
    ]
      .map(fieldsOf)
      .filter((listener) => Object.keys(listener).length > 0),
    clusters: ['dynamic_active_clusters', 'static_clusters'].flatMap((list) =>
      inner(configs, list, 'cluster'),
    ),
    nodeId:
      configs
        .map((config) => textOf(at(config, 'bootstrap', 'node', 'id')))
        .find((id) => id !== undefined) ?? '',
    refused: states.flatMap((state) => {
      const details = textOf(at(protoAt(state, 'error_state'), 'details'))
      return details === undefined ? [] : [{ name: textOf(at(state, 'name')) ?? '', details }]
    }),
  }
}

const inner = (configs: readonly Fields[], list: string, field: string): Fields[] =>
  configs.flatMap((config) =>
    listOf(protoAt(config, list)).map((item) => fieldsOf(at(item, field))),
  )

const LISTENER_FIELDS = ['filter_chains', 'default_filter_chain', 'listener_filters']

const CLUSTER_FIELDS = ['connect_timeout', 'cluster_type', 'lb_policy', 'load_assignment']

/** A list of one kind or both: a listener is known by its chains, a cluster by how it connects. */
function sorted(items: readonly unknown[]): ConfigDump {
  const fields = items.map(fieldsOf).filter((item) => textOf(item['name']) !== undefined)
  const having = (names: readonly string[]): Fields[] =>
    fields.filter((item) => names.some((field) => protoAt(item, field) !== undefined))
  const listeners = having(LISTENER_FIELDS)
  return {
    listeners,
    clusters: having(CLUSTER_FIELDS).filter((item) => !listeners.includes(item)),
    nodeId: '',
    refused: [],
  }
}
