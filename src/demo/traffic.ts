import { setTimeout as sleep } from 'node:timers/promises'
import type { EnvoyIdentity } from './envoy-config.ts'
import type { Mesh, Pod } from './mesh.ts'

/** Three workloads of the kind that make an egress bill. */
export const DEMO_PODS: readonly EnvoyIdentity[] = [
  {
    cluster: 'prod',
    namespace: 'shop',
    workload: 'checkout',
    kind: 'Deployment',
    pod: 'checkout-6f7d9c5b8-x2mzl',
    ip: '10.1.2.3',
  },
  {
    cluster: 'prod',
    namespace: 'ml',
    workload: 'trainer',
    kind: 'Job',
    pod: 'trainer-5k8qw',
    ip: '10.1.2.4',
  },
  {
    cluster: 'prod',
    namespace: 'batch',
    workload: 'backup',
    kind: 'StatefulSet',
    pod: 'backup-0',
    ip: '10.1.2.5',
  },
]

const KIB = 1024
const OSS = 'oss-cn-shanghai.aliyuncs.com'
const INTERNAL = 'oss-cn-shanghai-internal.aliyuncs.com'

/** Something that an app does again and again. */
type Job = (pod: Pod, stop: AbortSignal) => Promise<void>

const JOBS: Readonly<Record<string, readonly Job[]>> = {
  checkout: [
    request(`photos.${OSS}`, { upload: 2 * KIB, download: 300 * KIB }, 60),
    request(`photos.${OSS}`, { upload: 2 * KIB, download: 900 * KIB }, 200),
    request(`invoices.${OSS}`, { upload: 180 * KIB, download: 2 * KIB }, 150),
    requestToVip({ upload: 4 * KIB, download: 8 * KIB }, 250),
  ],
  trainer: [
    transfer('cdn-lfs.huggingface.co', { upload: 0, download: 256 * KIB }, 25),
    transfer(`datasets.${INTERNAL}`, { upload: 0, download: 128 * KIB }, 120),
    request(`checkpoints.${INTERNAL}`, { upload: 2000 * KIB, download: KIB }, 900),
    request('metrics.wandb.example.com', { upload: 12 * KIB, download: KIB }, 400),
  ],
  backup: [
    transfer(`archive.${OSS}`, { upload: 256 * KIB, download: 0 }, 20),
    request(`manifests.${OSS}`, { upload: 30 * KIB, download: 2 * KIB }, 700),
  ],
}

interface Amount {
  readonly upload: number
  readonly download: number
}

/** A connection for every request: only its end is ever reported. */
function request(sni: string, amount: Amount, pauseMs: number): Job {
  return async (pod, stop) => {
    const client = pod.connect(sni)
    await client.exchange(varied(amount))
    await client.end()
    await pause(pauseMs, stop)
  }
}

function requestToVip(amount: Amount, pauseMs: number): Job {
  return async (pod, stop) => {
    const client = pod.connectToVip()
    await client.exchange(varied(amount))
    await client.end()
    await pause(pauseMs, stop)
  }
}

/** A connection that lives for half a minute: seen while it is open, too. */
function transfer(sni: string, piece: Amount, pauseMs: number): Job {
  return async (pod, stop) => {
    const client = pod.connect(sni)
    const end = performance.now() + 30_000
    while (!stop.aborted && performance.now() < end) {
      await client.exchange(varied(piece))
      await pause(pauseMs, stop)
    }
    await client.end()
  }
}

/** Half to one and a half of it. */
function varied({ upload, download }: Amount): Amount {
  const factor = 0.5 + Math.random()
  return { upload: Math.round(upload * factor), download: Math.round(download * factor) }
}

/** Returns early when it is time to stop. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms * (0.5 + Math.random()), undefined, { signal: stop }).catch(() => undefined)
}

/** Traffic until it is stopped; then every connection ends in an orderly way. */
export class Traffic {
  readonly #stop = new AbortController()
  readonly #done: Promise<unknown>
  /** The first thing that went wrong, if any: the job it happened to has ended. */
  trouble: unknown

  constructor(mesh: Mesh) {
    this.#done = Promise.all(
      mesh.pods.flatMap((pod) =>
        (JOBS[pod.identity.workload] ?? []).map((job) => this.#repeat(job, pod)),
      ),
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #repeat(job: Job, pod: Pod): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) await job(pod, this.#stop.signal)
    } catch (error) {
      this.trouble ??= error
    }
  }
}
