/**
 * A long-lived part. The constructor is inert; `start` resolves when the part does its work, `stop`
 * when it has handed on everything it took and holds no resource any more. `stop` is safe twice,
 * and without or during a failed `start`.
 */
export interface Component {
  start(): Promise<void>
  stop(): Promise<void>
}
