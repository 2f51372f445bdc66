import { experimental, ServerCredentials } from '@grpc/grpc-js'
import type { TlsFiles } from './tls-files.ts'

/**
 * Plain text without files; TLS with certificate and key; mTLS where they have a client CA too: then a
 * sender without a certificate of it is refused.
 */
export function serverCredentials(files: TlsFiles | undefined): ServerCredentials {
  if (files === undefined) return ServerCredentials.createInsecure()
  const { hasClientCa } = files
  return experimental.createCertificateProviderServerCredentials(
    // Whatever the declaration calls them: the server's own certificate first, then the client CA.
    files,
    hasClientCa ? files : null,
    hasClientCa,
  )
}
