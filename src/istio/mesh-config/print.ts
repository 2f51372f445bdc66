import { stringify } from 'yaml'
import type { Section } from './mesh-object.ts'
import { notesOf } from './notes.ts'
import { extensionProviders } from './provider.ts'
import type { Form, MeshRequest } from './request.ts'
import { hostNamespace } from './sections.ts'
import { VARIANTS } from './variants.ts'

const WIDTH = 100

/** What to apply, as text that ends in a newline; the same request gives the same text. */
export function printMeshConfig(request: MeshRequest): string {
  return PRINTERS[request.form](request)
}

const PRINTERS: Readonly<Record<Form, (request: MeshRequest) => string>> = {
  kubectl: kubectlStream,
  istioctl: (request) =>
    `${comment(MERGE_PROVIDERS)}${yaml({
      apiVersion: 'install.istio.io/v1alpha1',
      kind: 'IstioOperator',
      spec: { meshConfig: meshConfig(request) },
    })}`,
  helm: (request) => `${comment(MERGE_PROVIDERS)}${yaml({ meshConfig: meshConfig(request) })}`,
}

const MERGE_PROVIDERS = [
  'MeshConfig: tells istiod where the receiver is. extensionProviders is a list, and this one replaces yours: put your own entries beside ours first.',
]

const meshConfig = (request: MeshRequest) => ({ extensionProviders: extensionProviders(request) })

/**
 * MeshConfig stands in comments: it is no object of its own but a part of istiod's ConfigMap, which
 * belongs to whoever installs Istio.
 */
function kubectlStream(request: MeshRequest): string {
  const { sections, purpose, notWith } = VARIANTS[request.variant]
  const { minor, envoy } = request.release
  const head = comment([
    `${purpose} For Istio 1.${minor} (Envoy ${envoy}), variant ${request.variant}.`,
    `Not together with ${notWith}`,
    ...notesOf(request).map((note) => `Note: ${note}`),
  ])
  const documents = [...hostNamespace(request), ...sections(request)].map(
    (section) => `---\n${comment(section.comment)}${yaml(section.object)}`,
  )
  return [head, meshConfigComment(request), sidecarComment(request), ...documents].join('')
}

function meshConfigComment(request: MeshRequest): string {
  if (extensionProviders(request).length === 0) return ''
  const text = comment([
    'First MeshConfig, which kubectl does not apply: add this to what you install Istio with (--form istioctl or --form helm print it as a file), beside your own extensionProviders.',
  ])
  return `#\n${text}${commented(yaml({ meshConfig: meshConfig(request) }))}`
}

/** A Sidecar resource is the one thing that silently cuts the receiver off. */
function sidecarComment({ namespace, receiver, gateway, variant }: MeshRequest): string {
  if (variant === 'ambient-waypoint') return ''
  const needed = [namespace, receiver.namespace]
  if (variant === 'egress-gateway') needed.push(gateway.namespace)
  const hosts = [...new Set(needed)].map((name) => `${name}/*`)
  const text = comment([
    'In every namespace with a Sidecar resource, import these; without the receiver every entry is lost and only grpc_entries_flush_failed (Envoy 1.39 or later) tells.',
  ])
  return `#\n${text}${commented(yaml({ spec: { egress: [{ hosts }] } }))}`
}

const yaml = (value: object): string =>
  stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true })

const commented = (text: string): string => text.trimEnd().replace(/^/gm, '#   ').concat('\n')

/** Paragraphs as comment lines. */
function comment(paragraphs: Section['comment']): string {
  return paragraphs.map((paragraph) => `${wrapped(paragraph).join('\n')}\n`).join('')
}

function wrapped(paragraph: string): string[] {
  const lines: string[] = []
  let line = '#'
  for (const word of paragraph.split(' ')) {
    if (line.length + 1 + word.length > WIDTH && line !== '#') {
      lines.push(line)
      line = '#'
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
