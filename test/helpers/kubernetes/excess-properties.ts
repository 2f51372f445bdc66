import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KubeObject, nameOf } from './documents.ts'
import { moduleOf } from './models.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/**
 * What TypeScript says against objects as literals of their kinds' types: unknown fields at any depth,
 * missing ones, wrong types and values of enumerations. One compiler run for all of them.
 */
export async function typeProblems(objects: readonly KubeObject[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-types-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
    writeFileSync(join(folder, 'objects.ts'), `${objects.map(literal).join('\n')}\n`)
    return problemsOf(await compile(folder), objects)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: 'es2023',
    module: 'nodenext',
    types: [],
  },
  files: ['objects.ts'],
}

/** One line for each object, so that a message's line tells which one it is about. */
function literal({ ...object }: KubeObject, index: number): string {
  const type = `import('${moduleOf(object.apiVersion)}').I${object.kind}`
  return `export const o${index} = ${JSON.stringify(object)} satisfies ${type}`
}

async function compile(folder: string): Promise<string> {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [tsc, '-p', folder, '--pretty', 'false'],
      { maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        // 1 and 2 are "there are errors"; anything else never got to the types.
        if (error === null || error.code === 1 || error.code === 2) resolve(stdout)
        else reject(new Error(`tsc: ${stderr}${stdout}`, { cause: error }))
      },
    )
  })
}

function problemsOf(output: string, objects: readonly KubeObject[]): string[] {
  const lines = output.split('\n').filter((line) => /error TS\d+/.test(line))
  return lines.map((line) => {
    const [, row, message] = /\((\d+),\d+\): error TS\d+: (.*)$/.exec(line) ?? []
    const object = objects[Number(row) - 1]
    return object === undefined ? line : `${nameOf(object)}: ${message}`
  })
}
