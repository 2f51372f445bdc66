/**
 * A long-lived part. The constructor is inert; `start` resolves when the part does its work, `stop`
 * when it has handed on everything it took and holds no resource any more. `stop` is safe twice,
 * and without or during a failed `start`.
 */
export interface Component {
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * Parts that live together. They start in the given order, one after the other: sinks first, so that
 * nothing arrives for a part that is not there yet; and stop in reverse, so that intake closes
 * first and everything behind it can drain.
 */
export class ComponentGroup implements Component {
  readonly #components: readonly Component[]
  readonly #started: Component[] = []

  constructor(components: readonly Component[]) {
    this.#components = components
  }

  /** Starts all, or none: when one fails, those that run are stopped, and its error is thrown. */
  async start(): Promise<void> {
    for (const component of this.#components) {
      // Noted before it runs: a part that fails half-way is stopped as well.
      this.#started.push(component)
      try {
        await component.start()
      } catch (error) {
        // What stopping says is of no use: the first failure is the reason.
        await this.stop().catch(() => undefined)
        throw error
      }
    }
  }

  /** Stops what was started, all of it even if one fails; then throws the first failure. */
  async stop(): Promise<void> {
    const failures: unknown[] = []
    for (;;) {
      const component = this.#started.pop()
      if (component === undefined) break
      try {
        await component.stop()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
