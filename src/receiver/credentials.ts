import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { ServerCredentials } from '@grpc/grpc-js'
import { ServiceError } from '../runtime/service-error.ts'

/** PEM files; empty = not set. */
export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  readonly clientCaFile: string
}

/**
 * Plain text without files; TLS with certificate and key; mTLS with a client CA too. Throws
 * `bad_tls_files`, which names the key of the configuration.
 */
export function serverCredentials({
  certFile,
  keyFile,
  clientCaFile,
}: TlsConfig): ServerCredentials {
  if (certFile === '' && keyFile === '') return ServerCredentials.createInsecure()
  const cert = readPem('als.tls.cert_file', certFile)
  const key = readPem('als.tls.key_file', keyFile)
  const ca = clientCaFile === '' ? null : readPem('als.tls.client_ca_file', clientCaFile)
  try {
    // grpc-js would say it at the first connection, to nobody.
    createSecureContext(ca === null ? { cert, key } : { cert, key, ca })
  } catch (error) {
    throw new ServiceError(
      'bad_tls_files',
      `the files of als.tls do not work: ${(error as Error).message}`,
      { cause: error },
    )
  }
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], ca !== null)
}

function readPem(key: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new ServiceError('bad_tls_files', `cannot read ${key}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
