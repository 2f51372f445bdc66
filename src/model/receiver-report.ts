/** Calls on the port of the access log service that were for something else, since the process started. */
export interface OtherCall {
  /** The called path, `/package.Service/Method`; `other` for paths that are not known, `none` without a call. */
  readonly path: string
  /**
   * What the caller got: `UNIMPLEMENTED`, `not_grpc` for a request without gRPC's content type; `not_http2`,
   * `plain_text` and `tls_failed` for a connection that never carried a call.
   */
  readonly status: 'UNIMPLEMENTED' | 'not_grpc' | 'not_http2' | 'plain_text' | 'tls_failed'
  readonly calls: number
  /**
   * The newest call: who made it (`ip:port`), the path as it was called (without a call what the library says
   * of the connection), and when, unix ms.
   */
  readonly sender: string
  readonly calledPath: string
  readonly lastMs: number
}

/** A certificate that the receiver works with. */
export interface CertificateReport {
  /** `server`: what it shows; `client_ca`: what client certificates must chain to. */
  readonly certificate: 'server' | 'client_ca'
  /** Configuration key of its file. */
  readonly key: string
  /** Unix ms. Of a bundle of CAs the one that is valid for longest. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Why the files as they are now do not work, while the ones before them are still served; or empty. */
  readonly broken: string
}
