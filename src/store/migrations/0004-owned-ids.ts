import { createHash, hash } from 'node:crypto'
import type Database from 'better-sqlite3'

/**
 * An identity that is no UUID is the node's own from now on: two nodes that count their connections 1, 2,
 * … were one before. Rows get the key that their next entry will have; without that it would count all
 * their bytes again. Requests had their node's id in the key, and change only where it was empty.
 *
 * Written out here, not imported: a migration must not change with the program (decoder/identity-hash.ts
 * and attribution/node-identity.ts make the same keys).
 */
export function ownIds(database: Database.Database): void {
  database.function('own_key', (key, node, pod, cluster, namespace, kind, name) => {
    const said = JSON.stringify([pod, cluster, namespace, kind, name])
    const nameless = node === '' && said !== JSON.stringify(['', '', '', 'unknown', '__unknown__'])
    return ownKey(key as Uint8Array, nameless ? said : String(node))
  })
  database.exec(`
    UPDATE connection
    SET key = own_key(key, n.node, n.pod, w.cluster, w.namespace, w.kind, w.name)
    FROM node n JOIN workload w ON w.id = n.workload_id
    WHERE n.id = connection.node_id AND connection.identity_kind = 2
      AND (connection.kind = 1 OR
           (n.node = '' AND NOT (n.pod = '' AND w.cluster = '' AND w.namespace = ''
                                 AND w.kind = 'unknown' AND w.name = '__unknown__')))`)
}

/** The first 16 bytes of SHA-256 over the tag and both parts, each with its length. */
function ownKey(key: Uint8Array, who: string): Buffer {
  const scope = hash('sha256', who, 'buffer').subarray(0, 16)
  const length = Buffer.of(16, 0, 0, 0)
  const digest = createHash('sha256').update('of-node\0').update(length).update(scope)
  return digest.update(length).update(key).digest().subarray(0, 16)
}
