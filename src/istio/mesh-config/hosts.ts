import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/** What a text was read as; or what is wrong with it and what to do about it. */
export type Read<T> = { readonly value: T } | { readonly wrong: string; readonly fix: string }

/** As Istio's validation has it; a server name is no longer either (RFC 6066, RFC 1035). */
const MAX_HOST = 253
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export const isWildcard = (host: string): boolean => host.startsWith('*.')

/** The name behind the star: `b.c` of `*.b.c`. */
export const apexOf = (wildcard: string): string => wildcard.slice(2)

/**
 * Reads a host as it goes into a ServiceEntry: `name.example.com`, or `*.example.com` for every name
 * below it. Lower case, no trailing dot: Envoy lower-cases the server name before it matches
 * (measured), and Istio compares hosts as text.
 */
export function readHost(text: string): Read<string> {
  const host = text.trim().toLowerCase().replace(/\.$/, '')
  if (host === '*' || host === '*.') {
    return {
      wrong: 'is every name there is; Istio rejects a ServiceEntry for it',
      fix: 'name the domains, like *.example.com, or use --variant unregistered-egress',
    }
  }
  const name = isWildcard(host) ? apexOf(host) : host
  if (/[:/@\s]/.test(name) && isIP(name) === 0) {
    return { wrong: 'is not a bare host name', fix: 'leave out scheme, port and path' }
  }
  if (isIP(name) !== 0 || /(?:^|\.)\d+$/.test(name)) {
    return { wrong: 'is an address; TLS has no server name for those', fix: 'give host names' }
  }
  if (name.includes('*')) {
    return {
      wrong: 'has a star that is not its whole first label: Envoy matches only *.suffix',
      fix: 'write it like *.example.com',
    }
  }
  if (/(?:^|\.)cluster\.local$/.test(name)) {
    return {
      wrong: 'is inside the cluster, where Services have chains of their own',
      fix: 'give hosts outside the mesh',
    }
  }
  if (host.length > MAX_HOST) {
    return { wrong: `is longer than ${MAX_HOST} characters`, fix: 'give a host name' }
  }
  return readLabels(host, name)
}

function readLabels(host: string, name: string): Read<string> {
  if (!/^\p{ASCII}*$/u.test(name)) {
    const ascii = domainToASCII(name)
    return {
      wrong: 'is not in the form that travels in TLS',
      fix: ascii === '' ? 'give a host name' : `write ${host.replace(name, () => ascii)}`,
    }
  }
  const labels = name.split('.')
  if (!labels.every((label) => LABEL.test(label))) {
    return {
      wrong: 'is not a host name (letters, digits and hyphens between dots)',
      fix: 'correct it',
    }
  }
  // One label: in a cluster that is the short name of a Service, not a place outside.
  if (labels.length < 2 && !isWildcard(host)) {
    return { wrong: 'has no domain', fix: 'write the whole name, like bucket.example.com' }
  }
  return { value: host }
}

/** Each host once, ordered by domain from the right, so that relatives stand together. */
export function sortedHosts(hosts: readonly string[]): string[] {
  const byDomain = (host: string): string => host.split('.').toReversed().join('\n')
  return [...new Set(hosts)].sort((a, b) => (byDomain(a) < byDomain(b) ? -1 : 1))
}

/** The wildcard that a host falls under, the longest there is; undefined for none. */
export function coveringWildcard(host: string, hosts: readonly string[]): string | undefined {
  return hosts
    .filter((other) => other !== host && isWildcard(other) && host.endsWith(other.slice(1)))
    .sort((a, b) => b.length - a.length)[0]
}
