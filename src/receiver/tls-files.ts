import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { experimental } from '@grpc/grpc-js'
import type { CertificateReport } from '../model/receiver-report.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { SampledLogger } from '../telemetry/sampled-logger.ts'

/** PEM files; empty = not set. */
export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  readonly clientCaFile: string
}

/** The contents of the files: a set that works together. */
interface TlsTexts {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca: Buffer | undefined
}

type IdentityListener = experimental.IdentityCertificateUpdateListener
type CaListener = experimental.CaCertificateUpdateListener

const CERT = 'als.tls.cert_file'
const KEY = 'als.tls.key_file'
const CLIENT_CA = 'als.tls.client_ca_file'

/** The files are read this often, ms: renewals come hours before the old certificate expires. */
const LOOK_EVERY_MS = 10_000

/**
 * The certificate files of the receiver, as grpc-js wants them: new connections get what the files hold
 * now. A set that does not work together (a renewal half written, a wrong key) is never served: the
 * last good one stays, and `report` says so. The watcher of grpc-js itself would refuse every new
 * connection then.
 */
export class TlsFiles implements experimental.CertificateProvider {
  /** Times that other contents were taken up. */
  renewals = 0
  /** Looks that found a set which does not work. */
  failures = 0
  readonly #config: TlsConfig
  readonly #logger: SampledLogger
  readonly #lookEveryMs: number
  readonly #identityListeners = new Set<IdentityListener>()
  readonly #caListeners = new Set<CaListener>()
  #texts: TlsTexts
  #broken = ''
  /** A file was changed while the set was read, perhaps: only what fails twice in a row is a failure. */
  #failedBefore = false
  #timer: NodeJS.Timeout | undefined

  /** Reads the files. Throws `bad_tls_files`, which names the key of the configuration. */
  constructor(config: TlsConfig, logger: SampledLogger, lookEveryMs = LOOK_EVERY_MS) {
    this.#config = config
    this.#logger = logger
    this.#lookEveryMs = lookEveryMs
    const read = (key: string, path: string): Buffer => {
      try {
        return readFileSync(path)
      } catch (error) {
        throw unreadable(key, error)
      }
    }
    const { certFile, keyFile, clientCaFile } = config
    this.#texts = checked({
      cert: read(CERT, certFile),
      key: read(KEY, keyFile),
      ca: clientCaFile === '' ? undefined : read(CLIENT_CA, clientCaFile),
    })
  }

  /** Whether clients must have a certificate. */
  get hasClientCa(): boolean {
    return this.#config.clientCaFile !== ''
  }

  /** Looks at the files from now on, until `stop`. */
  start(): void {
    this.#timer ??= setInterval(() => void this.look(), this.#lookEveryMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Looks at the files once. Never rejects. */
  async look(): Promise<void> {
    try {
      const texts = await this.#read()
      if (!isSame(texts, this.#texts)) this.#renew(this.#notOlder(checked(texts)))
      this.#broken = ''
      this.#failedBefore = false
    } catch (error) {
      this.#failed(error)
    }
  }

  /** What is served, and until when. */
  report(): readonly CertificateReport[] {
    const { cert, ca } = this.#texts
    const server = { certificate: 'server', key: CERT, ...validity(cert) } as const
    const clients =
      ca && ({ certificate: 'client_ca', key: CLIENT_CA, ...longestValidity(ca) } as const)
    return [server, ...(clients === undefined ? [] : [clients])].map((one) => ({
      ...one,
      broken: this.#broken,
    }))
  }

  // grpc-js takes the first update in a later turn of the loop only: it registers itself afterwards.

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener)
    process.nextTick(() => this.#giveIdentity(listener))
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener)
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener)
    process.nextTick(() => this.#giveCa(listener))
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener)
  }

  #giveIdentity(listener: IdentityListener): void {
    listener({ certificate: this.#texts.cert, privateKey: this.#texts.key })
  }

  #giveCa(listener: CaListener): void {
    if (this.#texts.ca !== undefined) listener({ caCertificate: this.#texts.ca })
  }

  async #read(): Promise<TlsTexts> {
    const read = async (key: string, path: string): Promise<Buffer> => {
      try {
        return await readFile(path)
      } catch (error) {
        throw unreadable(key, error)
      }
    }
    const { certFile, keyFile, clientCaFile } = this.#config
    const [cert, key, ca] = await Promise.all([
      read(CERT, certFile),
      read(KEY, keyFile),
      clientCaFile === '' ? undefined : read(CLIENT_CA, clientCaFile),
    ])
    return { cert, key, ca }
  }

  /** The same texts, unless they are of an earlier time than what is served, and over: a Secret of before was restored. */
  #notOlder(texts: TlsTexts): TlsTexts {
    const { notAfterMs } = validity(texts.cert)
    if (notAfterMs < Date.now() && notAfterMs < validity(this.#texts.cert).notAfterMs) {
      throw new ServiceError(
        'bad_tls_files',
        `the certificate of ${CERT} expired at ${new Date(notAfterMs).toISOString()}`,
      )
    }
    return texts
  }

  #renew(texts: TlsTexts): void {
    this.#texts = texts
    this.renewals++
    for (const listener of this.#caListeners) this.#giveCa(listener)
    for (const listener of this.#identityListeners) this.#giveIdentity(listener)
    const { notAfterMs } = validity(texts.cert)
    this.#logger.warn(
      { expires: new Date(notAfterMs).toISOString() },
      'the TLS files of als.tls have changed; new connections get the new certificate',
    )
  }

  #failed(error: unknown): void {
    if (!this.#failedBefore) {
      this.#failedBefore = true
      return
    }
    this.failures++
    this.#broken = error instanceof Error ? error.message : String(error)
    this.#logger.error(
      { err: error },
      'the TLS files of als.tls do not work; the certificate from before is still served',
    )
  }
}

/** The same texts, if they work together. */
function checked(texts: TlsTexts): TlsTexts {
  const { cert, key, ca } = texts
  try {
    createSecureContext(ca === undefined ? { cert, key } : { cert, key, ca })
    validity(cert)
    if (ca !== undefined) longestValidity(ca)
  } catch (error) {
    throw new ServiceError(
      'bad_tls_files',
      `the files of als.tls do not work: ${(error as Error).message}`,
      { cause: error },
    )
  }
  return texts
}

interface Validity {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Of the server's chain: its first certificate is the server's own. */
const validity = (chain: Buffer): Validity => validities(chain)[0] as Validity

/** Of a bundle of CAs: the one that is valid for longest. */
const longestValidity = (bundle: Buffer): Validity =>
  validities(bundle).reduce((best, one) => (one.notAfterMs > best.notAfterMs ? one : best))

/** Of every certificate in a PEM text; at least one, or it throws. */
function validities(pem: Buffer): readonly Validity[] {
  const blocks = pem.toString('latin1').match(PEM_BLOCK) ?? []
  const all = blocks.map((block) => {
    const { validFrom, validTo } = new X509Certificate(block)
    return { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) }
  })
  if (all.length === 0) throw new Error('a file holds no certificate')
  return all
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

function isSame(a: TlsTexts, b: TlsTexts): boolean {
  const sameCa = a.ca === undefined || b.ca === undefined ? a.ca === b.ca : a.ca.equals(b.ca)
  return a.cert.equals(b.cert) && a.key.equals(b.key) && sameCa
}

function unreadable(key: string, error: unknown): ServiceError {
  const message = error instanceof Error ? error.message : String(error)
  return new ServiceError('bad_tls_files', `cannot read ${key}: ${message}`, { cause: error })
}
