import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js'
import { nearest } from '../config/nearest.ts'
import { attributeExists, isHttpOnly, KNOWN_ATTRIBUTES } from './attributes.ts'

/** Why a filter would log nothing. */
export interface ExpressionProblem {
  readonly code: 'cel-syntax' | 'cel-attribute' | 'cel-http-attribute'
  readonly wrong: string
  readonly fix: string
}

/**
 * What is wrong with an expression, whatever connections come; none: it can be true. Attributes of
 * HTTP are wrong where the log is known to be for TCP connections.
 */
export function problemsOf(
  text: string,
  protocol: 'tcp' | 'http' | undefined,
): ExpressionProblem[] {
  const expression = readExpression(text)
  if ('wrong' in expression) {
    return [
      {
        code: 'cel-syntax',
        wrong: `has an expression that is not CEL: ${expression.wrong}`,
        fix: 'correct it; Istio and Envoy refuse it',
      },
    ]
  }
  return expression.attributes.flatMap((attribute): ExpressionProblem[] => {
    if (!attributeExists(attribute)) {
      const meant = nearest(attribute, KNOWN_ATTRIBUTES)
      return [
        {
          code: 'cel-attribute',
          wrong: `asks for ${attribute}, which Envoy does not have: the filter is false and nothing is logged`,
          fix: meant === undefined ? 'use xds.* or connection.*' : `did you mean ${meant}?`,
        },
      ]
    }
    if (protocol !== 'tcp' || !isHttpOnly(attribute)) return []
    return [
      {
        code: 'cel-http-attribute',
        wrong: `asks for ${attribute}, which only HTTP has, in a filter for TCP connections: it is false for all of them`,
        fix: 'use connection.requested_server_name, or an envoyHttpAls provider',
      },
    ]
  })
}

/** What is known of a connection or request when its entry is written. */
export interface SampleConnection {
  readonly cluster: string
  /** '' where the client sent none, or nobody looked. */
  readonly serverName: string
  readonly port: number
  /** `:authority` of a request; undefined for TCP. */
  readonly authority?: string
}

/** An expression that could be read. */
export interface Expression {
  /** `root.field` (or `root` alone) of everything it asks for, each once. */
  readonly attributes: readonly string[]
  /**
   * Whether a connection would be logged, as Envoy decides it: an error or a missing attribute is
   * "no". Undefined if the expression asks for something that a sample does not have.
   */
  logs(connection: SampleConnection): boolean | undefined
}

const SAMPLED: ReadonlySet<string> = new Set([
  'xds.cluster_name',
  'xds.listener_direction',
  'connection.requested_server_name',
  'destination.port',
  'request.host',
])

const environment = new Environment({ unlistedVariablesAreDyn: true })

/** Reads a CEL expression; `wrong` is the parser's one-line reason. */
export function readExpression(text: string): Expression | { readonly wrong: string } {
  let program: ParseResult
  try {
    program = environment.parse(text)
  } catch (error) {
    return { wrong: (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '' }
  }
  const attributes = new Set<string>()
  collect(program.ast, new Set(), attributes)
  // What does not exist is absent from the sample as it is in Envoy: the answer stays right.
  const isSampled = [...attributes].every((one) => SAMPLED.has(one) || !attributeExists(one))
  return {
    attributes: [...attributes],
    logs: (connection) => (isSampled ? evaluate(program, connection) : undefined),
  }
}

function evaluate(program: ParseResult, connection: SampleConnection): boolean {
  const { cluster, serverName, port, authority } = connection
  try {
    return (
      program({
        xds: { cluster_name: cluster, listener_direction: 2n },
        connection: { requested_server_name: serverName },
        destination: { port: BigInt(port) },
        request: authority === undefined ? {} : { host: authority },
      }) === true
    )
  } catch {
    return false
  }
}

/** Macros whose first argument names a variable of their own. */
const BINDING: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

function collect(node: ASTNode, bound: ReadonlySet<string>, found: Set<string>): void {
  const path = pathOf(node)
  if (path !== undefined) {
    const [root = '', field] = path
    if (!bound.has(root)) found.add(field === undefined ? root : `${root}.${field}`)
  }
  if (node.op === 'rcall' && BINDING.has(node.args[0])) {
    const [, receiver, [variable, ...rest]] = node.args
    collect(receiver, bound, found)
    const inner = new Set(bound)
    if (variable?.op === 'id') inner.add(variable.args)
    for (const argument of rest) collect(argument, inner, found)
    return
  }
  for (const child of childrenOf(node, path !== undefined)) collect(child, bound, found)
}

/** `a.b.c` and `a['b'].c` from the root; undefined for anything else. */
function pathOf(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return [node.args]
  if (node.op !== '.' && node.op !== '[]') return undefined
  const [owner, member] = node.args
  const path = pathOf(owner)
  if (path === undefined) return undefined
  if (typeof member === 'string') return [...path, member]
  return member.op === 'value' && typeof member.args === 'string' ? [...path, member.args] : path
}

/** Nodes below; of a path only the indexes, since its owner is part of it. */
function childrenOf(node: ASTNode, isPath: boolean): ASTNode[] {
  if (isPath && node.op === '.') return childrenOf(node.args[0], true)
  if (isPath && node.op === '[]') return [...childrenOf(node.args[0], true), node.args[1]]
  return nodesIn(node.args)
}

function nodesIn(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn)
  return typeof value === 'object' && value !== null && 'op' in value ? [value as ASTNode] : []
}
