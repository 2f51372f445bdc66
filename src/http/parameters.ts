import { ServiceError } from '../runtime/service-error.ts'

/** Longest value of a parameter; names have at most 253 characters. */
const MAX_VALUE_LENGTH = 600

/**
 * The parameters of a query string, each known and given once; anything else is `bad_request`, so
 * that a misspelt filter does not answer with everything.
 */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>

  constructor(query: unknown, known: readonly string[]) {
    const values = new Map<string, string>()
    for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
      if (!known.includes(name)) {
        throw badRequest(
          `there is no parameter ${JSON.stringify(name)}; use some of ${known.join(', ')}`,
        )
      }
      if (typeof value !== 'string') throw badRequest(`${name} is given more than once`)
      if (value.length > MAX_VALUE_LENGTH) {
        throw badRequest(`${name} is longer than ${MAX_VALUE_LENGTH} characters`)
      }
      // `sni=` is a form field that was left empty, not a search for the empty name.
      if (value !== '') values.set(name, value)
    }
    this.#values = values
  }

  text(name: string): string | undefined {
    return this.#values.get(name)
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    const choice = choices.find((one) => one === value)
    if (choice !== undefined) return choice
    throw badRequest(`${name} is ${JSON.stringify(value)}; use one of ${choices.join(', ')}`)
  }

  /** Choices with commas between them, each once. */
  choices<Choice extends string>(
    name: string,
    choices: readonly Choice[],
  ): readonly Choice[] | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    const chosen = value.split(',').map((text) => {
      const choice = choices.find((one) => one === text)
      if (choice !== undefined) return choice
      throw badRequest(`${name} has ${JSON.stringify(text)}; use some of ${choices.join(', ')}`)
    })
    if (new Set(chosen).size < chosen.length) throw badRequest(`${name} names a column twice`)
    return chosen
  }

  count(name: string, most: number, least = 1): number | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    const count = /^\d{1,9}$/.test(value) ? Number(value) : -1
    if (count >= least && count <= most) return count
    throw badRequest(`${name} is not a number from ${least} to ${most}`)
  }

  /** A value as `parse` reads it (a RangeError says what is wrong). */
  parsed<Value>(name: string, parse: (text: string) => Value): Value | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    try {
      return parse(value)
    } catch (error) {
      throw badRequest(`${name}: ${(error as Error).message}`)
    }
  }
}

function badRequest(message: string): ServiceError {
  return new ServiceError('bad_request', message)
}
