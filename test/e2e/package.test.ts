import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, it } from 'node:test'
import { PROJECT } from '../helpers/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'snimeter-package-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What `serve --db` at such a place leaves, also one that was killed. */
const LEFT = [
  'README.md.lock',
  'LICENSE.lock',
  'readings.db',
  'readings.db.lock',
  'docs/x.db',
  'docs/x.db-wal',
  'docs/x.db.lock',
  'docs/adr/y.sqlite',
  'docs/.writer.lock',
  'dist/z.db-shm',
  'dist/z.db.lock',
  'proto/p.lock',
  'schemas/s.db',
  'data/snimeter.db',
]

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

let packed: Packed
let main: string

before(() => {
  const source = join(folder, 'source')
  mkdirSync(source)
  for (const name of [
    'package.json',
    '.npmrc',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'tsconfig.json',
    'tsconfig.build.json',
    'docs',
    'proto',
    'schemas',
    'src',
  ]) {
    cpSync(join(PROJECT, name), join(source, name), { recursive: true })
  }
  symlinkSync(join(PROJECT, 'node_modules'), join(source, 'node_modules'))
  for (const name of ['data', 'dist']) mkdirSync(join(source, name))
  for (const name of LEFT) writeFileSync(join(source, name), 'left')
  const text = execFileSync('npm', ['pack', '--json'], { cwd: source, encoding: 'utf8' })
  ;[packed] = JSON.parse(text) as [Packed]
  execFileSync('tar', ['-xzf', join(source, packed.filename), '-C', folder])
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'package/node_modules'))
  const { bin } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as {
    bin: { snimeter: string }
  }
  main = join(folder, 'package', bin.snimeter)
})

it('the package holds the program and its pages, and nothing that lies beside them', () => {
  const paths = packed.files.map(({ path }) => path)
  assert.deepEqual(
    new Set(paths.map((path) => path.split('/')[0])),
    new Set(['LICENSE', 'README.md', 'dist', 'docs', 'package.json', 'proto', 'schemas']),
  )
  const kinds = /^(?:LICENSE|.*\.(?:md|json|js|js\.map|proto)|dist\/demo\/capture\.alscap)$/
  assert.deepEqual(
    paths.filter((path) => !kinds.test(path)),
    [],
  )
  for (const path of [
    'dist/main.js',
    'dist/store/writer-thread.js',
    'dist/demo/capture.alscap',
    'docs/sql.md',
    'docs/adr/0001-byte-meter.md',
    'proto/als.proto',
    'schemas/usage.v1.schema.json',
    'schemas/released/usage.v1.json',
  ]) {
    assert.ok(paths.includes(path), path)
  }
})

it('the packed program runs', () => {
  const { status, stdout } = spawnSync(process.execPath, [main, 'version'], { encoding: 'utf8' })
  assert.equal(status, 0)
  assert.match(stdout, /^snimeter \d/)
})

const REFUSAL = (version: string) =>
  `snimeter: Node.js 22.22 or newer is needed, and this is ${version}; put a newer one first on the PATH\n`

it('on a Node that is too old it says so in one line, before it loads anything', () => {
  for (const [version, isRefused] of [
    ['14.0.0', true],
    ['20.20.2', true],
    ['22.21.9', true],
    ['22.22.0', false],
    ['23.0.0', false],
    ['100.1.0', false],
  ] as const) {
    const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(versions)}`, main, 'version'],
      { encoding: 'utf8' },
    )
    assert.equal(status, isRefused ? 1 : 0, version)
    assert.equal(stderr, isRefused ? REFUSAL(version) : '', version)
    if (isRefused) assert.equal(stdout, '')
  }
})

it('every other Node on the PATH runs it or gets that line', () => {
  for (const place of (process.env['PATH'] ?? '').split(delimiter)) {
    const node = spawnSync(join(place, 'node'), ['--version'], { encoding: 'utf8' })
    if (node.status !== 0) continue
    const version = node.stdout.trim().slice(1)
    const [major = 0, minor = 0] = version.split('.').map(Number)
    const isOld = major < 22 || (major === 22 && minor < 22)
    const { status, stderr } = spawnSync(join(place, 'node'), [main, 'version'], {
      encoding: 'utf8',
    })
    assert.deepEqual([status, stderr], isOld ? [1, REFUSAL(version)] : [0, ''], version)
  }
})

it('the first module can be read by a Node that is too old, and asks for what package.json asks for', () => {
  const text = readFileSync(main, 'utf8')
  assert.doesNotMatch(text, /^import\b|\?\?|\?\.|^await\b|^ *(?:static|#(?!!))|`/m)
  assert.equal(text.match(/\bimport\(/g)?.length, 1)
  const { engines } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
    engines: { node: string }
  }
  assert.equal(engines.node, '>=22.22')
})
