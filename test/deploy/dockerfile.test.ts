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
