import { NO_TEXT, type SampleBatch } from '../model/sample.ts'
import {
  BYTES,
  Byte,
  type ConnectionChunk,
  RowFlag,
  setPod,
  WORDS,
  Word,
} from './connection-chunk.ts'
import type { Identities, Names, SampleOrigin } from './ports.ts'

/** Whether a row's bytes are hop bytes: another proxy of the mesh is billed for them. */
export function isHop(c: ConnectionChunk, o: number): boolean {
  return ((c.bytes[o * BYTES + Byte.flags] as number) & RowFlag.hop) !== 0
}

/** Whether samples of a row wait for the end of their message. */
export function isDeferred(c: ConnectionChunk, o: number): boolean {
  return ((c.bytes[o * BYTES + Byte.flags] as number) & RowFlag.deferred) !== 0
}

export function setDeferred(c: ConnectionChunk, o: number, deferred: boolean): void {
  const flags = (c.bytes[o * BYTES + Byte.flags] as number) & ~RowFlag.deferred
  c.bytes[o * BYTES + Byte.flags] = flags | (deferred ? RowFlag.deferred : 0)
}

/** Whether the file was asked about a row's id since the row is in memory. */
export function isAsked(c: ConnectionChunk, o: number): boolean {
  return ((c.bytes[o * BYTES + Byte.flags] as number) & RowFlag.asked) !== 0
}

export function setAsked(c: ConnectionChunk, o: number): void {
  const at = o * BYTES + Byte.flags
  c.bytes[at] = (c.bytes[at] as number) | RowFlag.asked
}

/** Whether a waiting row's samples have not told yet whether it is a hop. */
export function isUndecided(c: ConnectionChunk, o: number): boolean {
  return ((c.bytes[o * BYTES + Byte.flags] as number) & RowFlag.undecided) !== 0
}

/**
 * Whether a sample says enough to fix source, destination and whether it is a hop. Where hops are told
 * by their cluster, bytes do not: counters are cumulative, so they are not lost by waiting.
 */
export function isTelling(
  batch: SampleBatch,
  i: number,
  { hops }: SampleOrigin,
  hasBytes: boolean,
  names: Names,
  isDecided: boolean,
): boolean {
  if (batch.cluster[i] !== NO_TEXT) return true
  // A periodic entry can precede the upstream connection: its SNI is known, its cluster is not.
  if (hops === 'to_gateway' && !isDecided) return false
  return hasBytes || names.isNamed(batch, i)
}

/** A waiting row takes its node, its source and whether it is a hop from the newest sample. */
export function takeOrigin(
  c: ConnectionChunk,
  o: number,
  batch: SampleBatch,
  i: number,
  origin: SampleOrigin,
  { names, identities }: { readonly names: Names; readonly identities: Identities },
  isNew = false,
): void {
  const { node, workload, pod, sender, hops, reportsPeers } = origin
  const peer = batch.peer[i] as number
  const peers = reportsPeers ? identities.peerWorkload(peer, node, sender) : -1
  const hop = hops === 'all' || (hops === 'to_gateway' && names.isToGateway(batch, i))
  const undecided = hops === 'to_gateway' && batch.cluster[i] === NO_TEXT
  c.words[o * WORDS + Word.node] = node
  c.words[o * WORDS + Word.workload] = peers < 0 ? workload : peers
  setPod(c, o, peers < 0 ? pod : identities.peerPod(peer, peers, sender))
  // An entry without a cluster does not take back what one with a cluster has said.
  if (undecided && !isNew && !isUndecided(c, o)) return
  // A waiting row is in no batch.
  const flags = isNew ? 0 : (c.bytes[o * BYTES + Byte.flags] as number)
  c.bytes[o * BYTES + Byte.flags] =
    (flags & (RowFlag.deferred | RowFlag.asked)) |
    (hop ? RowFlag.hop : undecided ? RowFlag.undecided : 0)
}
