/** How long connections may bring something in one turn of the loop, ms. */
const TURN_MS = 50

/** The reading end of a connection. */
export interface ReadHandle {
  readStop(): void
  readStart(): void
}

/**
 * Lets the loop go on when connections bring more than it can handle. A turn that takes long ends: no
 * connection is read until everything else that was ready is done, and what is not read waits at its sender
 * (flow control of TCP), not in memory. Then those are read first that were not in the last turn: by sender, so
 * that the number of connections does not count, and among the connections of one sender.
 */
export class ReadTurns {
  /** Turns that were ended. */
  overlong = 0
  /** Times that a connection, or all, were held. */
  holds = 0
  readonly #senders = new Map<string, TurnsOfSender>()
  readonly #nowMs: () => number
  readonly #afterAll: (then: () => void) => void
  /** Connections that have joined and not left. */
  #joined = 0
  #sinceMs: number | undefined
  #isOver = false
  /** Whether some connection is not read, or was not since its last turn. */
  #isBehind = false
  readonly #served = new Set<ReadTurn>()
  /** Connections that are not read until `release`. */
  readonly #held = new Set<ReadTurn>()

  /** `afterAll` calls back when everything that is ready is done, once. */
  constructor(
    nowMs: () => number = () => performance.now(),
    afterAll: (then: () => void) => void = setImmediate,
  ) {
    this.#nowMs = nowMs
    this.#afterAll = afterAll
  }

  /** Takes a connection of a sender. */
  join(key: string, handle: ReadHandle): ReadTurn {
    const sender = this.#senders.get(key) ?? new TurnsOfSender(key)
    this.#senders.set(key, sender)
    const turn = new ReadTurn(handle, sender, this)
    sender.turns.add(turn)
    this.#joined++
    return turn
  }

  leave(turn: ReadTurn): void {
    const { sender } = turn
    turn.release()
    this.#held.delete(turn)
    if (sender.turns.delete(turn)) this.#joined--
    this.#served.delete(turn)
    if (sender.turns.size === 0) this.#senders.delete(sender.key)
  }

  /** A connection is not read until `release`; without one, none is. */
  hold(turn?: ReadTurn): void {
    // Every message of what was read before the hold asks for it again.
    if (turn === undefined ? this.#held.size === this.#joined : turn.isHeld) return
    this.holds++
    for (const one of turn === undefined ? this.#all() : [turn]) {
      one.hold()
      this.#held.add(one)
    }
  }

  /** Held connections are read again, at their turn. */
  release(): void {
    if (this.#held.size === 0) return
    for (const turn of this.#held) turn.release()
    this.#held.clear()
    this.#isBehind = true
    if (this.#sinceMs === undefined) this.#begin(this.#nowMs())
  }

  *#all(): Iterable<ReadTurn> {
    for (const { turns } of this.#senders.values()) yield* turns
  }

  /** A connection has brought something. */
  arrived(turn: ReadTurn): void {
    const nowMs = this.#nowMs()
    if (this.#sinceMs === undefined) this.#begin(nowMs)
    if (!turn.wasServed) this.#served.add(turn)
    turn.wasServed = true
    turn.sender.wasServed = true
    if (this.#isOver || nowMs - (this.#sinceMs ?? nowMs) < TURN_MS) return
    this.#isOver = true
    this.#isBehind = true
    this.overlong++
    for (const one of this.#all()) one.stop()
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs
    this.#afterAll(() => this.#end())
  }

  #end(): void {
    this.#sinceMs = undefined
    if (this.#isOver) this.#readOthers()
    else this.#readAll()
    this.#isOver = false
    // While something waits turns follow each other, whether anything comes or not.
    if (this.#isBehind) this.#begin(this.#nowMs())
  }

  /** Reads those that were not in a turn since all were read. */
  #readOthers(): void {
    const senders = [...this.#senders.values()]
    if (senders.every(({ wasServed }) => wasServed)) {
      for (const sender of senders) sender.wasServed = false
    }
    for (const sender of senders) if (!sender.wasServed) sender.readOthers()
  }

  /** Everything that was read has been handled. */
  #readAll(): void {
    for (const turn of this.#served) turn.wasServed = turn.sender.wasServed = false
    this.#served.clear()
    if (!this.#isBehind) return
    this.#isBehind = false
    for (const turn of this.#all()) {
      if (turn.isStopped) this.#isBehind = true
      else if (!turn.isHeld) turn.isBehind = false
      turn.start()
    }
  }
}

/** The connections of one sender. */
class TurnsOfSender {
  readonly key: string
  readonly turns = new Set<ReadTurn>()
  wasServed = false

  constructor(key: string) {
    this.key = key
  }

  readOthers(): void {
    const turns = [...this.turns]
    if (turns.every(({ wasServed }) => wasServed)) {
      for (const turn of turns) turn.wasServed = false
    }
    for (const turn of turns) if (!turn.wasServed) turn.start()
  }
}

/** One connection. */
export class ReadTurn {
  readonly sender: TurnsOfSender
  /** Whether it may have sent what was not read for want of time. */
  isBehind = false
  /** Until others had their turn. */
  isStopped = false
  /** Until `ReadTurns.release`. */
  isHeld = false
  wasServed = false
  #goesOn: PromiseWithResolvers<void> | undefined
  readonly #handle: ReadHandle
  readonly #turns: ReadTurns

  constructor(handle: ReadHandle, sender: TurnsOfSender, turns: ReadTurns) {
    this.#handle = handle
    this.sender = sender
    this.#turns = turns
  }

  /** To be called with everything that it brings, before that is handled. */
  arrived(): void {
    this.isBehind = false
    this.#turns.arrived(this)
  }

  stop(): void {
    if (this.isStopped) return
    this.isStopped = true
    this.isBehind = true
    if (!this.isHeld) this.#handle.readStop()
  }

  start(): void {
    if (!this.isStopped) return
    this.isStopped = false
    if (!this.isHeld) this.#handle.readStart()
  }

  hold(): void {
    if (this.isHeld) return
    this.isHeld = true
    this.isBehind = true
    if (!this.isStopped) this.#handle.readStop()
  }

  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.#goesOn?.resolve()
    this.#goesOn = undefined
    if (!this.isStopped) this.#handle.readStart()
  }

  /** Resolves when it is not held. */
  async untilReleased(): Promise<void> {
    if (!this.isHeld) return
    this.#goesOn ??= Promise.withResolvers()
    await this.#goesOn.promise
  }
}
