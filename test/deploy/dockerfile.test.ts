import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('every image that the build begins with is pinned by digest, at the Node of package.json', () => {
  const lines = read('Dockerfile').split('\n')
  const args = new Map(
    lines
      .filter((line) => line.startsWith('ARG '))
      .map((line): [string, string] => {
        const [name = '', ...value] = line.slice(4).split('=')
        return [name, value.join('=')]
      }),
  )
  const stages = new Set<string>()
  const images: string[] = []
  for (const line of lines) {
    const [, from = '', name] = /^FROM (\S+)(?: AS (\S+))?$/.exec(line) ?? []
    if (from !== '' && !stages.has(from)) {
      images.push(from.replace(/^\$\{(\w+)\}$/, (_, arg: string) => args.get(arg) ?? ''))
    }
    if (name !== undefined) stages.add(name)
    // A syntax image would be one more that is run unseen.
    assert.doesNotMatch(line, /^# *syntax *=/)
  }
  const { node } = (JSON.parse(read('package.json')) as { devDependencies: { node: string } })
    .devDependencies
  assert.equal(images.length, 2)
  for (const image of images) {
    assert.match(image, /^node:[\d.]+-bookworm-slim@sha256:[0-9a-f]{64}$/)
    assert.ok(image.startsWith(`node:${node}-`), image)
  }
})

// Without them a receiver keeps the pages of one memory peak for good.
it('the image and `npm start` give the allocator and V8 the settings that the docs measured', () => {
  const image = read('Dockerfile')
  const { start } = (JSON.parse(read('package.json')) as { scripts: { start: string } }).scripts
  const docs = read('docs/operations.md')
  for (const setting of [
    'MALLOC_ARENA_MAX=2',
    'MALLOC_TRIM_THRESHOLD_=131072',
    'MALLOC_MMAP_THRESHOLD_=131072',
  ]) {
    assert.match(image, new RegExp(`^(?:ENV)? +(?:\\w+=\\S+ )*${setting}(?: |$)`, 'm'), setting)
    assert.ok(start.includes(` ${setting} `), setting)
    assert.ok(docs.includes(`\`${setting}\``), setting)
  }
  for (const option of ['--max-semi-space-size=4', '--initial-old-space-size=96']) {
    assert.match(image, new RegExp(`^ENTRYPOINT .*"${option}"`, 'm'), option)
    assert.ok(start.includes(` ${option} `), option)
    assert.ok(docs.includes(`\`${option}\``), option)
  }
})
