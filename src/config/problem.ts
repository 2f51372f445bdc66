/** One thing that is wrong with the configuration, with all that is needed to put it right. */
export interface Problem {
  /** Where it was written: `snimeter.yaml:7`, `SNIMETER_ALS_LISTEN`, `--db`. */
  readonly where: string
  /** Dotted path of the key; empty when it is about the file as a whole. */
  readonly key: string
  /** The value as it was written; absent where there is none to show. */
  readonly value?: string
  /** What is wrong, without a subject: `is not a duration`. */
  readonly wrong: string
  /** What to do about it, in the imperative. */
  readonly fix: string
}

/** One line: where, key, value, what is wrong and the fix. Control characters are escaped. */
export function formatProblem({ where, key, value, wrong, fix }: Problem): string {
  const subject = value === undefined ? key : `${key}: ${JSON.stringify(value)}`
  const sentence = subject === '' ? wrong : `${subject} ${wrong}`
  return `${where === '' ? '' : `${where}: `}${sentence}; ${fix}`
}
