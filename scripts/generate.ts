/**
 * Generates the protobuf code from proto/als.proto: static code, so that nothing is parsed at start.
 * `node scripts/generate.ts`; its output is committed.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const CODE = 'src/attribution/gen/identifier.js'
const TYPES = 'src/attribution/gen/identifier.d.ts'
const HEADER = '// Generated from proto/identifier.proto by `npm run generate`. Do not edit.\n'

const pbjs =
  '-t static-module -w es6 --no-create --no-convert --no-verify --no-delimited --no-typeurl'.split(
    ' ',
  )
execFileSync('pbjs', [...pbjs, '-o', CODE, 'proto/identifier.proto'], { stdio: 'inherit' })
execFileSync('pbts', ['-o', TYPES, CODE], { stdio: 'inherit' })
for (const file of [CODE, TYPES]) writeFileSync(file, HEADER + readFileSync(file, 'utf8'))
