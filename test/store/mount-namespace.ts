import { type SpawnSyncReturns, spawnSync } from 'node:child_process'

/** Runs a shell command with `$d` a small file system of its own, which vanishes with the command. */
export function inMountNamespace(command: string): SpawnSyncReturns<string> {
  const script = `set -e; d=$(mktemp -d); mount -t tmpfs -o size=4m tmpfs "$d"; ${command}; umount -l "$d"; rmdir "$d"`
  return spawnSync('unshare', ['-m', 'bash', '-c', script], { encoding: 'utf8', timeout: 60_000 })
}

/** The reason to skip a test that needs a file system of its own; false where it can have one. */
export const skipWithoutMounts =
  inMountNamespace('true').status === 0 ? false : 'mounting a tmpfs is not allowed here'
