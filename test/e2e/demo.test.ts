import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CommandResult, cleanEnvironment, MAIN } from '../helpers/command.ts'
import { realEnvoy } from '../helpers/envoy.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { totalsByName } from '../helpers/totals.ts'

/** The demo keeps its file below the working directory. */
async function demo(folder: string, env: Record<string, string> = {}): Promise<CommandResult> {
  const child = spawn(process.execPath, [MAIN, 'demo', '--seconds', '4'], {
    cwd: folder,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...output }
}

test('the demo shows workloads and names, and ends equal to the byte', async (t) => {
  if ((await realEnvoy(t, '1.40.0')) === undefined) return
  const folder = temporaryFolder(t)
  const { code, stdout, stderr } = await demo(folder)
  assert.equal(code, 0, stderr)
  for (const text of ['checkout', 'trainer', 'backup', 'cdn-lfs.huggingface.co']) {
    assert.ok(stdout.includes(text), stdout)
  }
  assert.ok(stdout.endsWith('\nequal to the byte\n'), `${stderr}\n${stdout}`)
  const names = Object.keys(totalsByName(`${folder}/data/demo/snimeter.db`))
  assert.ok(names.includes('api.partner.example.com'))
})

test('without an Envoy the demo replays a recorded stream and says so', async (t) => {
  const folder = temporaryFolder(t)
  // Nowhere to install to, and no pip to be found.
  const { code, stdout, stderr } = await demo(folder, { XDG_CACHE_HOME: folder, PATH: folder })
  assert.equal(code, 0, stderr)
  assert.match(stderr, /could not be installed/)
  assert.match(stderr, /replaying a stream that was recorded/)
  assert.ok(stdout.includes('bucket-a.oss-cn-shanghai.aliyuncs.com'), stdout)
  const first = join(folder, 'data/demo/snimeter.db')
  const content = readFileSync(first)
  const second = await demo(folder, { XDG_CACHE_HOME: folder, PATH: folder })
  assert.equal(second.code, 0, second.stderr)
  assert.match(
    second.stderr,
    /snimeter\.db is of an earlier demo, and stays; this one writes .*snimeter-2\.db/,
  )
  assert.deepEqual(readFileSync(first), content)
  assert.deepEqual(totalsByName(join(folder, 'data/demo/snimeter-2.db')), totalsByName(first))
})
