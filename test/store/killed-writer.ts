/** Run by killed-writer.test.ts and killed there: commits batch after batch, says each that is in. */
import { writeSync } from 'node:fs'
import { Store } from '../../src/store/store.ts'
import { makeBatch, NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'

const [path = ''] = process.argv.slice(2)
const store = new Store(storeConfig(path))
const { lastSequence } = await store.open(NOON)
const connections = Array.from({ length: 200 }, (_, id) => ({ id }))
for (let sequence = lastSequence + 1; ; sequence++) {
  const usage = [
    { upload: 3, opened: 1 },
    { sni: `n${sequence}.example`, upload: 4 },
  ]
  await store.commit(makeBatch({ sequence, usage, connections }))
  writeSync(1, `${sequence}\n`)
}
