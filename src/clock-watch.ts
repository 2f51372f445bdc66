import type { ClockStep } from './model/clock-step.ts'
import type { StoreOpening } from './model/opening.ts'
import type { ReceiverGap } from './model/receiver-gap.ts'
import type { Pipeline } from './pipeline.ts'
import type { ArrivalClock } from './runtime/arrival-clock.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/registry.ts'

/** The wall clock is looked at this often, ms: a step is taken over after about a second. */
const LOOK_MS = 250

interface ClockWatchDependencies {
  readonly clock: ArrivalClock
  readonly pipeline: Pick<Pipeline, 'step' | 'rollup'>
  readonly logger: Logger
  /** Who says when this receiver began: by the clock of now. */
  readonly doctor: { gap: ReceiverGap | undefined }
}

/** Looks at the wall clock and says when it was set; the pipeline goes on with the new time. */
export class ClockWatch {
  readonly #deps: ClockWatchDependencies
  /** Steps between the last commit of an earlier process and the start. */
  #earlier: ClockStep | undefined
  /** Bytes booked until the clock was set last. */
  #bookedBefore = 0
  #sameClock = false

  constructor(deps: ClockWatchDependencies) {
    this.#deps = deps
  }

  /** Whether the clock was set while no receiver ran, as far as the file can know. */
  openedWith({ step, sameClock = false }: Pick<StoreOpening, 'step' | 'sameClock'>): void {
    this.#earlier = step
    this.#sameClock = sameClock
    if (step === undefined) return
    this.#deps.logger.warn(
      told(step),
      'the wall clock and the newest moment of the file disagree: the clock was set since, or is wrong now; bytes are booked by the wall clock, and what is booked stays where it is',
    )
  }

  /** Begins to look. */
  start(): NodeJS.Timeout {
    return setInterval(() => this.look(), LOOK_MS)
  }

  /** Looks once. */
  look(): void {
    const { clock, pipeline, logger, doctor } = this.#deps
    const step = clock.look()
    if (step === undefined) return
    const bookedBytes = pipeline.rollup.bookedBytes - this.#bookedBefore
    this.#bookedBefore = pipeline.rollup.bookedBytes
    pipeline.step(step)
    if (doctor.gap !== undefined) doctor.gap = movedGap(doctor.gap, step, this.#sameClock)
    logger.warn(
      { ...told(step), bookedBytes },
      'the wall clock was set; bytes are booked by it from now on. bookedBytes were booked since the start or the last step: if the clock was wrong then, they are off by as much, and stay there',
    )
  }

  declareMetrics(metrics: Metrics): void {
    const { clock } = this.#deps
    const earlier = (isForward: boolean): number =>
      this.#earlier !== undefined && this.#earlier.toMs > this.#earlier.fromMs === isForward ? 1 : 0
    metrics.counter({
      name: 'snimeter_clock_steps_total',
      help: 'Times that the wall clock was set by more than 5 s, by direction; one while no receiver ran counts too.',
      labelNames: ['direction'],
      read: () => [
        { labels: { direction: 'forward' }, value: clock.stepsForward + earlier(true) },
        { labels: { direction: 'back' }, value: clock.stepsBack + earlier(false) },
      ],
    })
    metrics.gauge({
      name: 'snimeter_clock_offset_seconds',
      help: 'How far the wall clock is ahead of the clock that bytes are booked by; slewed below 5 s, taken over above.',
      read: () => clock.offsetMs / 1000,
    })
  }
}

/** As the file moves it (see `ReceiverGaps.stepped`). */
function movedGap(gap: ReceiverGap, step: ClockStep, sameClock: boolean): ReceiverGap {
  const byMs = step.toMs - step.fromMs
  const fromMs = gap.fromMs + (sameClock ? byMs : 0)
  return { ...gap, fromMs, toMs: Math.max(fromMs, gap.toMs + byMs) }
}

function told({ fromMs, toMs }: ClockStep): Record<string, string | number> {
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    bySeconds: Math.round((toMs - fromMs) / 1000),
  }
}
