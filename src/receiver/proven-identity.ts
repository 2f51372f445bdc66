import type { PeerCertificate } from 'node:tls'

/** SPIFFE's own limit for an id, bytes. */
const MAX_ID = 2048

/**
 * What a verified client certificate proves: the SPIFFE id of its only URI SAN (an X.509-SVID has
 * exactly one), else its SHA-256 fingerprint. Undefined without a certificate.
 */
export function certificateIdentity(
  certificate: Partial<PeerCertificate> | undefined,
): string | undefined {
  const { subjectaltname: names = '', fingerprint256 } = certificate ?? {}
  const uris = alternativeNames(names).filter((name) => name.startsWith('URI:'))
  const only = uris.length === 1 ? spiffeId(uris[0]?.slice('URI:'.length)) : undefined
  return only ?? (fingerprint256 === undefined ? undefined : `sha256:${fingerprint256}`)
}

/**
 * The SPIFFE id in `x-forwarded-client-cert`, as the proxy in front of us has verified it. Only the
 * last element counts: our own sidecar appends it, and a client can invent the ones before.
 */
export function forwardedIdentity(values: readonly (string | Buffer)[]): string | undefined {
  const elements = split(String(values.at(-1) ?? ''), ',')
  const uris = split(elements.at(-1) ?? '', ';').flatMap((pair) => {
    const [, value] = /^\s*uri=(.*)$/is.exec(pair) ?? []
    return value === undefined ? [] : [unquoted(value.trim())]
  })
  return uris.length === 1 ? spiffeId(uris[0]) : undefined
}

function spiffeId(uri: string | undefined): string | undefined {
  const isId = uri?.startsWith('spiffe://') === true && Buffer.byteLength(uri) <= MAX_ID
  return isId ? uri : undefined
}

/** Node joins SANs by ", " and writes a value that could be mistaken for several as a JSON string. */
function alternativeNames(text: string): string[] {
  return split(text, ',').map((name) => {
    const [, type, value] = /^\s*([^:]*):(.*)$/s.exec(name) ?? []
    return `${type}:${unquoted(value ?? '')}`
  })
}

/** Parts between separators that are not inside double quotes; a backslash escapes in there. */
function split(text: string, separator: string): string[] {
  const parts: string[] = []
  let quoted = false
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (quoted && character === '\\') i++
    else if (character === '"') quoted = !quoted
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** A quoted value is a JSON string for both; what is none stays as it is. */
function unquoted(value: string): string {
  if (!value.startsWith('"')) return value
  try {
    return String(JSON.parse(value))
  } catch {
    return value
  }
}
