/**
 * Who opened a stream, as the network tells it: unlike the identifier in the stream, it cannot be
 * invented at will. Budgets are shared out by it (`runtime/fair-share.ts`).
 */
export interface Sender {
  /** `ip:port` of the connection, for people. */
  readonly address: string
  /**
   * What budgets know it by: the identity that its certificate proves, else its IP address (of IPv6 the
   * /64 network, which one host can have to itself).
   */
  readonly key: string
}
