import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** A certificate that a test has made, with its key; both PEM. */
export interface MadeCertificate {
  readonly cert: string
  readonly key: string
  readonly commonName: string
  readonly privateKey: KeyObject
}

export interface CertificateOptions {
  readonly commonName: string
  /** Who signs it; itself without one. */
  readonly issuer?: MadeCertificate
  readonly isAuthority?: boolean
  readonly dns?: readonly string[]
  readonly uris?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}

const DAY_MS = 86_400_000

/** Makes a P-256 certificate; valid from yesterday until tomorrow unless said otherwise. */
export function makeCertificate(options: CertificateOptions): MadeCertificate {
  const { commonName, issuer, isAuthority = false, dns = [], uris = [] } = options
  const { notBefore = new Date(Date.now() - DAY_MS) } = options
  const { notAfter = new Date(Date.now() + DAY_MS) } = options
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = [
    ...uris.map((uri) => tlv(0x86, Buffer.from(uri))),
    ...dns.map((name) => tlv(0x82, Buffer.from(name))),
  ]
  const extensions = [
    ...(isAuthority ? [extension([0x55, 0x1d, 0x13], tlv(0x30, tlv(0x01, Buffer.of(0xff))))] : []),
    ...(names.length > 0 ? [extension([0x55, 0x1d, 0x11], tlv(0x30, ...names))] : []),
  ]
  const content = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, Buffer.concat([Buffer.of(0x40), randomBytes(8)])),
    ECDSA_SHA256,
    distinguishedName(issuer?.commonName ?? commonName),
    tlv(0x30, time(notBefore), time(notAfter)),
    distinguishedName(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [tlv(0xa3, tlv(0x30, ...extensions))] : []),
  )
  const signature = sign('sha256', content, issuer?.privateKey ?? privateKey)
  const der = tlv(0x30, content, ECDSA_SHA256, tlv(0x03, Buffer.of(0), signature))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    commonName,
    privateKey,
  }
}

/** Tag, length, value: DER's only form. */
function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts)
  const bytes = value.length < 0x80 ? [] : [...hex(value.length)]
  const length = bytes.length === 0 ? [value.length] : [0x80 | bytes.length, ...bytes]
  return Buffer.concat([Buffer.of(tag, ...length), value])
}

function hex(value: number): Buffer {
  const text = value.toString(16)
  return Buffer.from(text.length % 2 === 0 ? text : `0${text}`, 'hex')
}

const ECDSA_SHA256 = tlv(0x30, tlv(0x06, Buffer.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)))

function distinguishedName(commonName: string): Buffer {
  const attribute = tlv(0x06, Buffer.of(0x55, 0x04, 0x03))
  return tlv(0x30, tlv(0x31, tlv(0x30, attribute, tlv(0x0c, Buffer.from(commonName)))))
}

function time(date: Date): Buffer {
  const text = `${date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`
  return tlv(0x18, Buffer.from(text))
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return tlv(0x30, tlv(0x06, Buffer.from(id)), tlv(0x04, value))
}
