import { nearest } from '../../config/nearest.ts'
import { type Fields, fieldsOf, listOf } from '../untyped.ts'
import { ENVOY_FIELDS } from './gen/envoy-fields.ts'
import { typeOf } from './patch.ts'

/** Something wrong in the value of a patch. */
export interface ValueProblem {
  readonly code: 'envoyfilter-field' | 'envoyfilter-duration'
  readonly wrong: string
  readonly fix: string
  /** A field that resembles none may be newer than the protos this was built with. */
  readonly isSure: boolean
}

const snake = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** What protobuf's JSON takes: seconds, with at most nine digits behind the point. */
const DURATION = /^\d+(?:\.\d{1,9})?s$/

/**
 * Fields and durations of an Envoy message in JSON against Envoy's protos; messages that are not
 * known are taken as they are. Istio lets a misspelt field pass with a warning nobody sees, and the
 * patch does nothing (measured).
 */
export function* checkMessage(value: Fields, type: string, path = ''): Generator<ValueProblem> {
  const known = ENVOY_FIELDS[type]
  if (known === undefined) return
  for (const [written, inner] of Object.entries(value)) {
    if (written === '@type') continue
    const name = snake(written)
    const where = path === '' ? written : `${path}.${written}`
    const fieldType = known[name]
    if (fieldType === undefined) {
      const meant = nearest(name, Object.keys(known))
      yield {
        code: 'envoyfilter-field',
        wrong: `${where} is no field of ${type.slice(type.lastIndexOf('.') + 1)}: it does nothing`,
        fix:
          meant === undefined ? 'remove it, or move it where it belongs' : `did you mean ${meant}?`,
        isSure: meant !== undefined || elsewhere(name, type),
      }
      continue
    }
    yield* checkField(inner, fieldType, where)
  }
}

/** A field of another message that was written one level too high or too low. */
const elsewhere = (name: string, type: string): boolean =>
  Object.entries(ENVOY_FIELDS).some(([other, fields]) => other !== type && name in fields)

function* checkField(value: unknown, type: string, where: string): Generator<ValueProblem> {
  const items = type.endsWith('[]') ? listOf(value) : [value]
  const itemType = type.replace('[]', '')
  for (const item of items) {
    if (itemType === 'duration') yield* checkDuration(item, where)
    else if (itemType === 'any') {
      // An Any says itself what it is.
      const own = typeOf(fieldsOf(item))
      if (own !== undefined) yield* checkMessage(fieldsOf(item), own, where)
    } else yield* checkMessage(fieldsOf(item), itemType, where)
  }
}

function* checkDuration(value: unknown, where: string): Generator<ValueProblem> {
  if (typeof value === 'string' && DURATION.test(value)) return
  yield {
    code: 'envoyfilter-duration',
    wrong: `${where} is ${JSON.stringify(value)}, which is no duration`,
    fix: 'write seconds, like 15s or 0.5s',
    isSure: true,
  }
}
