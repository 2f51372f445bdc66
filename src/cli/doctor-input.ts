import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Receiver } from '../istio/doctor/mesh.ts'
import { type DoctorOutput, OUTPUTS } from './doctor-report.ts'
import { usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

export interface CommonFlags {
  readonly file?: readonly string[]
  readonly receiver?: Receiver
  readonly output: DoctorOutput
  readonly config?: string
}

/** What `doctor mesh` and `doctor proxy` both take. */
export function withCommonFlags(command: Command): Command {
  return command
    .option('-f, --file <file...>', 'files to read; - is stdin')
    .addOption(
      new Option(
        '--receiver <service>',
        'namespace/name:port (default: as the mesh says)',
      ).argParser(receiverOf),
    )
    .addOption(new Option('--output <form>', 'how to print').choices(OUTPUTS).default('text'))
    .option('--config <file>', "the receiver's configuration, to agree with (SNIMETER_CONFIG)")
}

function receiverOf(text: string): Receiver {
  const match = /^([a-z0-9-]+)\/([a-z0-9-]+):([1-9]\d{0,4})$/.exec(text)
  const [, namespace = '', name = '', port = ''] = match ?? []
  if (match === null || Number(port) > 65_535) {
    throw new InvalidArgumentError('Use namespace/name:port.')
  }
  return { namespace, name, port: Number(port) }
}

export interface Input {
  readonly name: string
  readonly text: string
}

/** The files of `-f` in their order, `-` from stdin; what can't be read is wrong usage. */
export async function readInputs(
  files: readonly string[] | undefined,
  { stdin }: Surroundings,
): Promise<Input[]> {
  if (files === undefined) throw usageFailure('give files with -f; - is stdin')
  const inputs: Input[] = []
  for (const name of files) {
    try {
      inputs.push({ name, text: name === '-' ? await readAll(stdin) : readFileSync(name, 'utf8') })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw usageFailure(printable(`${name} can't be read: ${reason}`))
    }
  }
  return inputs
}

async function readAll(stream: Surroundings['stdin']): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
