import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

it('decoding makes no garbage per entry', () => {
  // A process of its own, with a young generation that no collection empties while it measures.
  const script = fileURLToPath(new URL('./allocation-probe.ts', import.meta.url))
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  const output = execFileSync(process.execPath, [...flags, script], { encoding: 'utf8' })
  const bytesPerEntry = Number(output)
  // One boxed double an entry would be 12 to 16 bytes; what is left is per message and noise.
  assert.ok(bytesPerEntry < 6, `${bytesPerEntry} bytes of heap an entry`)
})
