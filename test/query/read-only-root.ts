/**
 * Run by read-only-root-breaks-answers.test.ts where only the folder of the file can be written: asks
 * everything that the API and the command line answer from the file, and prints the sums of the rows.
 */
import { once } from 'node:events'
import { runCommand } from '../helpers/command.ts'
import { spawnServe } from '../helpers/serve.ts'
import { until } from '../helpers/until.ts'

const [db = '', extent = 'some'] = process.argv.slice(2)
const YEAR = ['since=2026-01-01', 'until=2027-01-01']
const ALL_GROUPS = [
  ['sni'],
  ['workload'],
  ['namespace'],
  ['name_source', 'cluster'],
  ['hour'],
  ['day', 'workload'],
  ['workload', 'sni'],
  ['namespace', 'sni', 'day'],
  ['workload', 'sni', 'hour'],
]

/** The others sort the same way, which takes minutes with a whole year. */
const GROUPS = ALL_GROUPS.filter(
  (_, index) => extent === 'all' || index === 0 || index === 5 || index === 6,
)

interface Answer {
  readonly asked: string
  readonly status: number | null
  readonly seconds: number
  readonly rows: number
  readonly upload: string
  readonly error?: string
}

async function measured(
  asked: string,
  ask: () => Promise<Omit<Answer, 'asked' | 'seconds'>>,
): Promise<Answer> {
  const from = performance.now()
  const answer = await ask()
  return { asked, seconds: Math.round((performance.now() - from) / 100) / 10, ...answer }
}

const sumOf = (uploads: readonly string[]): string =>
  uploads.reduce((sum, upload) => sum + BigInt(upload), 0n).toString()

async function askServer(url: string, path: string): Promise<Omit<Answer, 'asked' | 'seconds'>> {
  const response = await fetch(`${url}/api/v1/${path}`)
  const text = await response.text()
  if (!response.ok) return { status: response.status, rows: 0, upload: '', error: text }
  const { columns, rows } = JSON.parse(text) as { columns: string[]; rows: string[][] }
  const upload = columns.indexOf('upload_bytes')
  return { status: 200, rows: rows.length, upload: sumOf(rows.map((row) => row[upload] ?? '0')) }
}

async function askCommand(args: readonly string[]): Promise<Omit<Answer, 'asked' | 'seconds'>> {
  const { code, stdout, stderr } = await runCommand([...args, '--db', db, '--format', 'csv'])
  const [header = '', ...lines] = stdout.trimEnd().split('\n')
  const upload = header.split(',').indexOf('upload_bytes')
  return {
    status: code,
    rows: lines.length,
    upload: upload < 0 ? '' : sumOf(lines.map((line) => line.split(',')[upload] ?? '0')),
    ...(code === 0 ? {} : { error: stderr }),
  }
}

const serve = spawnServe({ db, env: { SNIMETER_HTTP_QUERY_TIMEOUT: '10m' } })
const answers: Answer[] = []
try {
  await until('it serves', () => serve.log.some(({ msg }) => msg === 'keeping usage in SQLite'))
  for (const by of GROUPS) {
    for (const range of extent === 'all' ? [YEAR, []] : [YEAR]) {
      const path = `totals?${[`by=${by.join(',')}`, 'limit=10000', ...range].join('&')}`
      answers.push(await measured(path, () => askServer(serve.httpUrl, path)))
    }
  }
  for (const path of ['connections?limit=10000', 'connections?sni=*1*&limit=10']) {
    answers.push(await measured(path, () => askServer(serve.httpUrl, path)))
  }
  const since = ['--since', '2026-01-01']
  const more = [
    ...GROUPS.filter((by) => by.length < 3).map((by) => ['query', '--by', by.join(','), ...since]),
    ['query', '--by', 'workload,sni,hour', ...since, '--limit', '100'],
    ['query', '--by', 'workload,sni'],
  ]
  for (const args of [
    ...(extent === 'all' ? more : [['query', '--by', 'workload,sni', ...since]]),
    ['connections', '--limit', '100000'],
    ['sinks'],
  ]) {
    answers.push(await measured(args.join(' '), () => askCommand(args)))
  }
} finally {
  serve.child.kill('SIGKILL')
  await once(serve.child, 'close')
}
process.stdout.write(JSON.stringify(answers))
