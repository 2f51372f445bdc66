import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname } from 'node:os'

/** Ends of names that no public DNS has: whoever answers for them is on this network. */
const PRIVATE = ['localhost', 'local', 'internal', 'svc', 'home.arpa']

export interface OwnNames {
  /** The machine's name. */
  readonly hostname: string
  /** Domains in which the machine looks names up (`search` of resolv.conf). */
  readonly search: readonly string[]
}

/**
 * The names that a request may have in its Host header. A page of another site can have a browser inside
 * the network send requests here, by a name of its own that it has point to this address (DNS
 * rebinding): such a name is refused. Allowed are IP addresses, names that public DNS cannot have, names
 * in the machine's own domains (of a pod also `service.namespace`), and the configured ones.
 */
export class AllowedHosts {
  readonly #any: boolean
  readonly #names: ReadonlySet<string>
  readonly #suffixes: readonly string[]

  /** `configured`: names, `*.suffix`, or `*` for every name. */
  constructor(configured: readonly string[], own: OwnNames = ownNames()) {
    const wanted = configured.map(normalized)
    this.#any = wanted.includes('*')
    this.#names = new Set([normalized(own.hostname), ...wanted])
    const namespaces = own.search.flatMap(
      (domain) => /^([^.]+)\.svc\./.exec(normalized(domain))?.[1] ?? [],
    )
    // A pod's other domains (`svc.cluster.local`, `cluster.local`) are ends of the first one's names.
    this.#suffixes = [
      ...PRIVATE,
      ...own.search.map(normalized).filter((domain) => domain.includes('.')),
      ...namespaces,
      ...wanted.filter((name) => name.startsWith('*.')).map((name) => name.slice(2)),
    ].map((domain) => `.${domain}`)
  }

  /** Whether a Host header is allowed; one that is not there is (no browser leaves it out). */
  allows(header: string | undefined): boolean {
    if (header === undefined || header === '' || this.#any) return true
    const host = normalized(hostOf(header))
    if (isIP(host) !== 0 || this.#names.has(host)) return true
    // Names of one label are looked up in the caller's own domains.
    if (/^[a-z0-9_-]+$/.test(host)) return true
    return this.#suffixes.some((suffix) => host.endsWith(suffix))
  }
}

/** Without port and brackets. */
function hostOf(header: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(header)?.[1]
  return bracketed ?? header.replace(/:\d*$/, '')
}

const normalized = (name: string): string => name.toLowerCase().replace(/\.$/, '')

function ownNames(): OwnNames {
  return { hostname: hostname(), search: searchDomains() }
}

function searchDomains(): string[] {
  try {
    const lines = readFileSync('/etc/resolv.conf', 'utf8').split('\n')
    return lines.flatMap((line) => {
      const [keyword, ...domains] = line.trim().split(/\s+/)
      return keyword === 'search' || keyword === 'domain'
        ? domains.filter((domain) => domain !== '.')
        : []
    })
  } catch {
    return []
  }
}
