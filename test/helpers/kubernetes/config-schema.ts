import { OPTIONS, type Option } from '../../../src/config/options.ts'

/** Keys that the chart decides itself, so that nothing of a pod disagrees with them. */
const OF_THE_CHART: readonly string[] = ['als.listen', 'http.listen', 'ledger.flush_interval']

interface Closed {
  type: 'object'
  additionalProperties: false
  properties: Record<string, object>
}

const closed = (): Closed => ({ type: 'object', additionalProperties: false, properties: {} })

/**
 * JSON Schema of the chart's `config`: the keys of the program's configuration, closed, without those
 * that the chart decides and without secrets, which do not belong into a ConfigMap. Ranges are left
 * to the program, which tells them better.
 */
export function configSchema(): object {
  const schema = closed()
  const options: readonly Option[] = OPTIONS
  for (const { key, type, meaning } of options) {
    if (type.kind === 'secret' || OF_THE_CHART.includes(key)) continue
    const path = key.split('.')
    const last = path.pop() ?? ''
    let parent = schema
    for (const part of path) parent = (parent.properties[part] ??= closed()) as Closed
    parent.properties[last] = { description: meaning, ...valueSchema(type) }
  }
  return schema
}

function valueSchema(type: Option['type']): object {
  switch (type.kind) {
    case 'flag':
      return { type: 'boolean' }
    case 'count':
      return { type: 'integer', minimum: type.min, maximum: type.max }
    case 'choice':
      return { enum: type.choices }
    case 'list':
      return { type: 'array', items: { type: 'string' } }
    case 'duration':
    case 'size':
      // 0 needs no unit, a size no suffix.
      return { type: ['string', 'integer'] }
    case 'address':
    case 'path':
    case 'text':
    case 'secret':
    default:
      return { type: 'string' }
  }
}
