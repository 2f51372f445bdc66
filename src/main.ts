#!/usr/bin/env node
import { run } from './cli/command.ts'
import { processSurroundings } from './cli/surroundings.ts'

/** Time for what a finished command left open; then the process ends all the same. */
const LINGER_MS = 2000

// `snimeter query … | head` closes the pipe early: nobody is left to write for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await run(process.argv.slice(2), processSurroundings())

setTimeout(() => process.exit(), LINGER_MS).unref()
