import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { StreamAccessLogsMessage } from './envoy-schema.ts'

const own = new protobuf.Root()
  .loadSync(fileURLToPath(new URL('../../proto/als.proto', import.meta.url)))
  .lookupType('snimeter.als.v3.StreamAccessLogsMessage')

/** Names without the two styles of writing them. */
const plain = (name: string): string => name.replaceAll('_', '').toLowerCase()

/** Enums are read as numbers by us; both are varints. */
const wireTypeOf = (field: protobuf.Field): string =>
  field.resolvedType instanceof protobuf.Enum ? 'uint32' : field.type

function compare(mine: protobuf.Type, theirs: protobuf.Type, seen: Set<protobuf.Type>): void {
  if (seen.has(mine)) return
  seen.add(mine)
  for (const field of mine.fieldsArray) {
    const other = theirs.fieldsById[field.id]
    const name = `${mine.name}.${field.name}`
    assert.ok(other, `${name} is not in Envoy’s schema`)
    other.resolve()
    field.resolve()
    assert.equal(plain(field.name), plain(other.name), name)
    assert.equal(field.repeated, other.repeated, name)
    if (field.resolvedType instanceof protobuf.Type) {
      assert.ok(other.resolvedType instanceof protobuf.Type, name)
      compare(field.resolvedType, other.resolvedType, seen)
    } else {
      assert.equal(wireTypeOf(field), wireTypeOf(other), name)
    }
  }
}

describe('proto/', () => {
  it('has the names, numbers and types of Envoy’s schema', () => {
    const seen = new Set<protobuf.Type>()
    compare(own, StreamAccessLogsMessage, seen)
    assert.ok(seen.size >= 15, `only ${seen.size} messages compared`)
  })
})
