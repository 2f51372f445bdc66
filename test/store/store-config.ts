import type { StoreConfig } from '../../src/store/store.ts'

/** As `serve` has it by default. */
export function storeConfig(path: string): StoreConfig {
  return {
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 400 * 86_400_000, connectionsMs: 7 * 86_400_000 },
  }
}
