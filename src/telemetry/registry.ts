import { setImmediate as turn } from 'node:timers/promises'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** One value of a metric with labels. */
interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface MetricOptions {
  /** `snimeter_…`, in base units; counters end in `_total`. */
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[]
}

export interface PulledMetricOptions extends MetricOptions {
  /** Called when somebody scrapes: the hot path only keeps plain number fields. */
  readonly read: () => number | Iterable<LabelledValue>
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[]
}

/** A distribution that the owner fills. */
export interface Distribution {
  observe(value: number): void
}

export interface MetricsOptions {
  /** Labels of `snimeter_build_info`, like `version`. */
  readonly build?: Readonly<Record<string, string>>
  /** Whether CPU, memory, garbage collection and event loop lag of the process are exported (default true). */
  readonly process?: boolean
}

const NAME = /^snimeter_[a-z][a-z0-9_]*$/

/** All metrics of the process, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry()
  #failedReads = 0
  #reading: Promise<string> | undefined

  constructor({ build = {}, process = true }: MetricsOptions = {}) {
    if (process) collectDefaultMetrics({ register: this.#registry })
    this.gauge({
      name: 'snimeter_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: Object.keys(build),
      read: () => [{ labels: build, value: 1 }],
    })
    this.counter({
      name: 'snimeter_metrics_read_failures_total',
      help: 'Metrics that could not be read and were left out of an answer; a bug.',
      read: () => this.#failedReads,
    })
  }

  /** Declares a counter; `read` gives what was counted since the process started. */
  counter(options: PulledMetricOptions): void {
    const { name, help, labelNames = [] } = options
    if (!name.endsWith('_total')) throw new Error(`the counter ${name} does not end in _total`)
    const counter: Counter = new Counter({
      name: checked(name),
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect: () => {
        counter.reset()
        if (!this.#pull(options, (labels, value) => counter.inc(labels, value))) counter.remove()
      },
    })
  }

  /** Declares a gauge; `read` gives its value now. */
  gauge(options: PulledMetricOptions): void {
    const { name, help, labelNames = [] } = options
    const gauge: Gauge = new Gauge({
      name: checked(name),
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect: () => {
        gauge.reset()
        if (!this.#pull(options, (labels, value) => gauge.set(labels, value))) gauge.remove()
      },
    })
  }

  /** Declares a histogram. */
  histogram({ name, help, buckets }: HistogramOptions): Distribution {
    return new Histogram({
      name: checked(name),
      help,
      buckets: [...buckets],
      registers: [this.#registry],
    })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /**
   * Every metric as it is now. A metric that cannot be read is left out, the others are there. All who ask in one
   * turn of the loop get the same text: many at a time hold the thread no longer than one.
   */
  text(): Promise<string> {
    this.#reading ??= turn().then(() => {
      this.#reading = undefined
      return this.#registry.metrics()
    })
    return this.#reading
  }

  /** False if the value could not be read: no value is better than a wrong one. */
  #pull(
    { read }: PulledMetricOptions,
    put: (labels: Record<string, string>, value: number) => void,
  ): boolean {
    try {
      const values = read()
      if (typeof values === 'number') put({}, values)
      else for (const { labels, value } of values) put({ ...labels }, value)
      return true
    } catch {
      this.#failedReads++
      return false
    }
  }
}

function checked(name: string): string {
  if (NAME.test(name)) return name
  throw new Error(`the metric ${name} is not called snimeter_…`)
}
