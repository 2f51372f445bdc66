import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ServiceError } from './service-error.ts'

/** Where a server listens: a host name or IP address without brackets, and a port (0 = any free one). */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const HOST_PORT = /^(?:\[([^\]]*)\]|([^:[\]\s/]*)):(\d{1,5})$/

/**
 * Reads `host:port`, `[ipv6]:port` or `:port` (all interfaces). Throws `bad_listen_address` with what
 * is wrong.
 */
export function parseListenAddress(text: string): ListenAddress {
  const wrong = (what: string): ServiceError =>
    new ServiceError(
      'bad_listen_address',
      `the address ${JSON.stringify(text)} ${what}; use host:port, like 127.0.0.1:9001, [::1]:9001 or :9001`,
    )
  const match = HOST_PORT.exec(text)
  if (match === null) throw wrong('is not host:port')
  const [, bracketed, plain = '', digits] = match
  if (bracketed !== undefined && !isIPv6(bracketed)) throw wrong('has no IPv6 address in []')
  const port = Number(digits)
  if (port > 65_535) throw wrong('has a port above 65535')
  return { host: bracketed ?? (plain === '' ? allInterfaces() : plain), port }
}

/** `host:port` with brackets around an IPv6 address. */
export function formatAddress({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** `::` takes IPv4 as well, but binding it fails where the kernel has IPv6 turned off. */
function allInterfaces(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0'
}
