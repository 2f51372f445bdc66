import { run } from './cli/command.ts'
import { flushed } from './cli/output.ts'
import { processSurroundings } from './cli/surroundings.ts'

/** Time for what a finished command left open; then the process ends all the same. */
const LINGER_MS = 2000

// `snimeter query … | head` closes the pipe early: nobody is left to write for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await run(process.argv.slice(2), processSurroundings())
// A reader may be slow: what it was not sent would be missing, and nothing would say so.
await Promise.all([flushed(process.stdout), flushed(process.stderr)])

setTimeout(() => process.exit(), LINGER_MS).unref()
