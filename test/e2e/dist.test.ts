import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'snimeter-dist-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: string[]) =>
  execFileSync(process.execPath, [join(folder, 'dist/main.js'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })

before(() => {
  const project = join(root, 'tsconfig.build.json')
  const tsc = join(root, 'node_modules/.bin/tsc')
  execFileSync(tsc, ['-p', project, '--outDir', join(folder, 'dist')])
  for (const name of ['package.json', 'schemas']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})

// What the image runs: a worker's module is found by its compiled name, which nothing else would notice.
it('the compiled program replays a capture and answers, threads and all', () => {
  const capture = join(root, 'test/fixtures/captures/1.40.0/uppercase-sni.alscap')
  const file = join(folder, 'file.db')
  run('replay', '--db', file, capture)
  assert.equal(
    run('query', '--db', file, '--format', 'csv'),
    'sni,upload_bytes,download_bytes,connections\nbucket-a.oss-cn-shanghai.aliyuncs.com,5202,7601,3\n',
  )
})

it('the compiled program knows its version', () => {
  assert.match(run('version'), /^snimeter \d+\.\d+\.\d+ \(node v?\d+/)
})

it('the compiled program finds the published schemas', () => {
  const text = readFileSync(join(root, 'schemas/usage-event.v1.schema.json'), 'utf8')
  assert.equal(run('print-schema', 'usage-event'), text)
})

it('the image carries the schemas', () => {
  assert.match(readFileSync(join(root, 'Dockerfile'), 'utf8'), /^COPY schemas \.\/schemas$/m)
})
