import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'
import { nearest } from './nearest.ts'
import { OPTIONS } from './options.ts'
import type { Problem } from './problem.ts'

/** A value as it was written, and where. */
export interface Written {
  readonly key: string
  readonly text: string
  readonly where: string
}

/** What a file says: values of known keys, and everything that is wrong with the rest. */
export interface FileContent {
  readonly written: readonly Written[]
  readonly problems: readonly Problem[]
}

const KEYS: readonly string[] = OPTIONS.map(({ key }) => key)
const LISTS: readonly string[] = OPTIONS.filter(({ type }) => type.kind === 'list').map(
  ({ key }) => key,
)
const GROUPS: readonly string[] = [...new Set(KEYS.flatMap(parentsOf))]

function parentsOf(key: string): string[] {
  const parts = key.split('.')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
}

/**
 * Reads the text of a YAML file. Unknown and repeated keys are problems, never ignored.
 * `${env:NAME}` in a value is replaced after parsing, so that a variable can't add keys.
 */
export function readYamlFile(
  name: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): FileContent {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number | undefined): string =>
    offset === undefined ? name : `${name}:${lines.linePos(offset).line}`
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      where: at(error.pos[0]),
      key: '',
      wrong: `is not valid YAML: ${error.message}`,
      fix: 'correct the line (indent with spaces, write each key once)',
    }))
    return { written: [], problems }
  }
  return new Walk(document, at, env).content()
}

/** One pass over a document. */
class Walk {
  readonly #document: Document
  readonly #at: (offset: number | undefined) => string
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #written: Written[] = []
  readonly #problems: Problem[] = []

  constructor(
    document: Document,
    at: (offset: number | undefined) => string,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#document = document
    this.#at = at
    this.#env = env
  }

  content(): FileContent {
    const root = this.#document.contents
    // An empty file, or one of comments only, says nothing: every default holds.
    if (root !== null && !(isScalar(root) && root.value === null)) this.#group('', root)
    return { written: this.#written, problems: this.#problems }
  }

  #group(path: string, node: unknown): void {
    const resolved = isAlias(node) ? node.resolve(this.#document) : node
    if (!isMap(resolved)) {
      const wrong = path === '' ? 'is not a map of keys' : 'is a group of keys, not a value'
      const example = KEYS.find((key) => key.startsWith(path === '' ? '' : `${path}.`)) ?? ''
      this.#problem(resolved, path, wrong, `write the keys below it, like ${example}`)
      return
    }
    for (const { key, value } of resolved.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      this.#member(path === '' ? name : `${path}.${name}`, key, value)
    }
  }

  #member(path: string, key: unknown, value: unknown): void {
    if (KEYS.includes(path)) this.#value(path, key, value)
    else if (GROUPS.includes(path)) this.#groupMember(path, key, value)
    else {
      const near = nearest(path, [...KEYS, ...GROUPS])
      const fix =
        near === undefined ? 'remove it (print-config lists every key)' : `did you mean ${near}?`
      this.#problem(key, path, 'is not a known key', fix)
    }
  }

  #groupMember(path: string, key: unknown, value: unknown): void {
    // `store:` with nothing below it is what remains when its lines are commented out.
    if (value === null || (isScalar(value) && value.value === null)) return
    this.#group(path, isMap(value) || isAlias(value) ? value : key)
  }

  #value(path: string, key: unknown, value: unknown): void {
    const resolved = isAlias(value) ? value.resolve(this.#document) : value
    if (resolved === null || (isScalar(resolved) && resolved.value === null)) {
      this.#problem(key, path, 'has no value', 'write one, or remove the line for the default')
    } else if (isSeq(resolved) && LISTS.includes(path)) {
      this.#list(path, key, resolved.items)
    } else if (!isScalar(resolved)) {
      this.#problem(key, path, 'is a list or map, not a value', 'write a single value')
    } else {
      // Numbers as they were written: 1e999 and 0x10 are for the check of the value to judge.
      const raw = typeof resolved.value === 'string' ? resolved.value : (resolved.source ?? '')
      const text = this.#interpolate(path, key, raw)
      if (text !== undefined) this.#written.push({ key: path, text, where: this.#whereOf(key) })
    }
  }

  #list(path: string, key: unknown, items: readonly unknown[]): void {
    const texts: string[] = []
    for (const item of items) {
      if (!isScalar(item)) {
        this.#problem(item, path, 'holds a list or map', 'write single values in the list')
        return
      }
      const text = this.#interpolate(path, key, String(item.value))
      if (text === undefined) return
      texts.push(text)
    }
    this.#written.push({ key: path, text: texts.join(','), where: this.#whereOf(key) })
  }

  /** `$${env:` is a literal `${env:`. Undefined (and a problem) when a variable is not set. */
  #interpolate(path: string, key: unknown, text: string): string | undefined {
    let missing = false
    const replaced = text.replaceAll(
      /(\$?)\$\{env:([^}]*)\}/g,
      (whole, escape: string, name: string) => {
        if (escape !== '') return whole.slice(1)
        const value = this.#env[name]
        if (value !== undefined) return value
        missing = true
        this.#problem(
          key,
          path,
          `refers to the variable ${name}, which is not set`,
          `set ${name}, or write the value`,
        )
        return ''
      },
    )
    return missing ? undefined : replaced
  }

  #whereOf(node: unknown): string {
    return this.#at((node as Partial<Node> | null)?.range?.[0])
  }

  #problem(node: unknown, key: string, wrong: string, fix: string): void {
    this.#problems.push({ where: this.#whereOf(node), key, wrong, fix })
  }
}
