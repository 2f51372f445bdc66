import { Document, isMap, isScalar, type Scalar, type YAMLMap } from 'yaml'
import type { Settings } from './load.ts'
import { environmentName, OPTIONS } from './options.ts'
import { rangeOf } from './value.ts'

/**
 * The effective configuration as YAML, every key in it; reading it back gives the same
 * configuration. With `explain`, each key carries a comment: meaning, range, variable and origin.
 */
export function printConfig(settings: Settings, explain = false): string {
  const document = new Document({})
  for (const option of OPTIONS) {
    const path = option.key.split('.')
    const setting = settings.get(option.key)
    if (setting === undefined) continue
    // A count is printed as a number; everything else carries its unit, or is a text.
    const value =
      option.type.kind === 'count' ? setting.value : literal(shown(option, setting.text))
    document.setIn(path, document.createNode(value))
    if (explain) {
      comment(document, path, [
        option.meaning,
        `${rangeOf(option.type)} · ${environmentName(option.key)} · set by ${setting.where}`,
      ])
    }
  }
  return document.toString({ lineWidth: 0 })
}

/** Secrets are told as set, never what they are (so this one value can't be read back). */
const shown = ({ type }: (typeof OPTIONS)[number], text: string): string =>
  type.kind === 'secret' && text !== '' ? HIDDEN : text

const HIDDEN = '(hidden)'

/** A literal `${env:` in a value must not be replaced when it is read back. */
const literal = (text: string): string =>
  text.replaceAll(/\$\{env:[^}]*\}/g, (reference) => `$${reference}`)

function comment(document: Document, path: readonly string[], lines: readonly string[]): void {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return
  const pair = (parent as YAMLMap<Scalar>).items.find(({ key }) =>
    isScalar(key) ? key.value === path.at(-1) : String(key) === path.at(-1),
  )
  if (pair === undefined) return
  const key = isScalar(pair.key) ? pair.key : document.createNode(String(pair.key))
  key.commentBefore = lines.map((line) => ` ${line}`).join('\n')
  pair.key = key
}
