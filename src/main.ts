#!/usr/bin/env node
// An older Node must be able to read this file: no syntax that is younger than Node 12, no static import.
// What it imports uses syntax, built-in modules and a native addon that crash there, without a message.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

// As package.json says in engines (test/e2e/package.test.ts).
if (major > 22 || (major === 22 && minor >= 22)) {
  // Until the command has an exit code of its own: an end before that is no success.
  process.exitCode = 1
  void import('./program.ts')
} else {
  process.stderr.write(
    'snimeter: Node.js 22.22 or newer is needed, and this is ' +
      process.versions.node +
      '; put a newer one first on the PATH\n',
  )
  process.exitCode = 1
}
