import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

// npm has no setting for that warning alone. On Node 20 it was 70 lines, and all was well.
it('an installation prints errors only, and CI prints warnings too', () => {
  assert.match(read('.npmrc'), /^loglevel=error$/m)
  assert.doesNotMatch(read('.npmrc'), /^(?:engine-strict|force|ignore-scripts)\b/m)
  assert.match(read('.ci/run'), /^npm cit --loglevel=notice$/m)
  assert.match(read('Dockerfile'), /^COPY package\.json package-lock\.json \.npmrc /m)
})
