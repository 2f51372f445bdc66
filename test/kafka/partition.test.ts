import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2 as libraryMurmur2 } from '@platformatic/kafka'
import fc from 'fast-check'
import { murmur2, partitionOf } from '../../src/kafka/partition.ts'

/** Computed by org.apache.kafka.common.utils.Utils.murmur2 of Kafka 4.3.1; six are in Kafka's own test. */
const TEXTS: readonly (readonly [string, number, number])[] = [
  ['', 275_646_681, 9],
  ['21', -973_932_308, 0],
  ['foobar', -790_332_482, 6],
  ['a-little-bit-long-string', -985_981_536, 8],
  ['a-little-bit-longer-string', -1_486_304_829, 11],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971, 5],
  ['abc', 479_470_107, 3],
  ['a', -1_563_381_124, 4],
  ['mesh/shop/Deployment/cart', 806_778_913, 1],
  ['mesh/shop/Deployment/b%C3%BCcher', 254_168_086, 10],
  ['k\u00e4se/\u98df/\u{1f355}', 1_206_181_886, 2],
]
const BYTES: readonly (readonly [string, number])[] = [
  ['99', 1_288_378_381],
  ['1834', -1_042_682_160],
  ['5a94c9', -313_141_582],
  ['390b7702', 612_225_306],
  ['09d32a595d', 99_467_382],
  ['fc97c696693058b22edd1479f1', 1_940_547_272],
  ['ee614cc5a74b029f8f814e38d93995', 1_610_420_826],
]

test("hashes are those of Java's murmur2", () => {
  for (const [text, hash] of TEXTS) assert.equal(murmur2(Buffer.from(text)), hash, text)
  for (const [hex, hash] of BYTES) assert.equal(murmur2(Buffer.from(hex, 'hex')), hash, hex)
})

test("partitions are those of Java's default partitioner", () => {
  for (const [text, , partition] of TEXTS) {
    assert.equal(partitionOf(Buffer.from(text), 12), partition, text)
  }
})

test("hashes are those of the client library's slower murmur2", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const key = Buffer.from(bytes)
      assert.equal(murmur2(key), libraryMurmur2(key))
    }),
  )
})
