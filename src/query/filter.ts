/** Conditions of a WHERE clause with the values of their `?`. */
export interface Filter {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

export interface FilterRequest {
  /** Glob on the name, like `*.aliyuncs.com`; case does not matter (names are lower case). */
  readonly sni?: string | undefined
  /** Glob on the name: what it matches is left out. */
  readonly notSni?: string | undefined
  /** Glob on the workload's name, or on `namespace/name` if it holds a slash. */
  readonly workload?: string | undefined
  /** Glob on the namespace. */
  readonly namespace?: string | undefined
}

/** SQL for a request, given what the columns are called; `1` when nothing is asked for. */
export function filterOf(
  request: FilterRequest,
  columns: { readonly sni: string; readonly workload: string; readonly namespace: string },
): Filter {
  const parts: string[] = []
  const values: string[] = []
  if (request.sni !== undefined) {
    parts.push(`${columns.sni} GLOB ?`)
    values.push(request.sni.toLowerCase())
  }
  if (request.notSni !== undefined) {
    parts.push(`${columns.sni} NOT GLOB ?`)
    values.push(request.notSni.toLowerCase())
  }
  if (request.namespace !== undefined) {
    parts.push(`${columns.namespace} GLOB ?`)
    values.push(request.namespace)
  }
  if (request.workload !== undefined) {
    const slash = request.workload.indexOf('/')
    if (slash >= 0) {
      parts.push(`${columns.namespace} GLOB ?`)
      values.push(request.workload.slice(0, slash))
    }
    parts.push(`${columns.workload} GLOB ?`)
    values.push(request.workload.slice(slash + 1))
  }
  return { sql: parts.length === 0 ? '1' : parts.join(' AND '), values }
}
