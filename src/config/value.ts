import { parseListenAddress } from '../runtime/listen-address.ts'
import { formatDuration, type Parsed, parseDuration } from './duration.ts'
import type { OptionType } from './options.ts'
import { formatSize, parseSize } from './size.ts'

/** A checked value, or what is wrong with the text and how to put it right. */
export type CheckedValue =
  | { readonly value: string | number }
  | { readonly wrong: string; readonly fix: string }

/** What a value may be, as a phrase: `1h to 400d`. */
export function rangeOf(type: OptionType): string {
  switch (type.kind) {
    case 'address':
      return 'host:port'
    case 'path':
      return type.optional ? 'a path or empty' : 'a path'
    case 'choice':
      return type.choices.join(', ')
    case 'flag':
      return 'true, false'
    case 'text':
      return `${type.form ?? 'a text'}${type.optional ? ', or empty' : ''}`
    case 'list':
      return `list of ${type.form}, or empty`
    case 'secret':
      return 'a text or empty'
    case 'duration': {
      const range = `${formatDuration(type.minMs)} to ${formatDuration(type.maxMs)}`
      return type.zero && type.minMs > 0 ? `0 or ${range}` : range
    }
    case 'size':
      return `${formatSize(type.minBytes)} to ${formatSize(type.maxBytes)}`
    case 'count':
      break
  }
  return `${type.min} to ${type.max}`
}

/** Reads and checks the text of a value: durations become ms, sizes bytes, counts numbers. */
export function checkValue(type: OptionType, text: string): CheckedValue {
  switch (type.kind) {
    case 'address':
      return checkAddress(text)
    case 'path':
      return checkPath(type.optional, text)
    case 'choice':
      return type.choices.includes(text)
        ? { value: text }
        : { wrong: 'is not known', fix: `use one of ${rangeOf(type)}` }
    case 'flag':
      return text === 'true' || text === 'false'
        ? { value: text }
        : { wrong: 'is neither true nor false', fix: 'use true or false' }
    case 'text':
      return checkText(type, text)
    case 'list':
      return checkList(type, text)
    case 'secret':
      return checkLine(text)
    case 'duration': {
      const parsed = parseDuration(text)
      const fix = `use a duration from ${rangeOf(type)}, like 15s, 2m, 3d`
      if (type.zero && 'value' in parsed && parsed.value === 0) return parsed
      return inRange(parsed, type.minMs, type.maxMs, fix)
    }
    case 'size':
      return inRange(
        parseSize(text),
        type.minBytes,
        type.maxBytes,
        `use a size from ${rangeOf(type)}, like 64MiB, 1GB`,
      )
    case 'count':
      break
  }
  return inRange(parseCount(text), type.min, type.max, `use a number from ${rangeOf(type)}`)
}

/** The text of a checked value in its shortest spelling; reads back to the same value. */
export function formatValue(type: OptionType, value: string | number): string {
  if (typeof value === 'string') return value
  if (type.kind === 'duration') return formatDuration(value)
  return type.kind === 'size' ? formatSize(value) : String(value)
}

function inRange(parsed: Parsed<number>, min: number, max: number, fix: string): CheckedValue {
  if ('wrong' in parsed) return { wrong: parsed.wrong, fix }
  if (parsed.value < min) return { wrong: 'is below the range', fix }
  return parsed.value > max ? { wrong: 'is above the range', fix } : parsed
}

function parseCount(text: string): Parsed<number> {
  if (!/^\d[\d_]*$/.test(text)) return { wrong: 'is not a whole number' }
  return { value: Number(text.replaceAll('_', '')) }
}

function checkLine(text: string): CheckedValue {
  return /\p{Cc}/u.test(text)
    ? { wrong: 'holds a control character', fix: 'write one line of text' }
    : { value: text }
}

function checkText(type: OptionType & { readonly kind: 'text' }, text: string): CheckedValue {
  if (text === '') {
    return type.optional ? { value: text } : { wrong: 'is empty', fix: `write ${rangeOf(type)}` }
  }
  if (type.pattern !== undefined && !type.pattern.test(text)) {
    return { wrong: 'has another form', fix: `write ${rangeOf(type)}` }
  }
  return checkLine(text)
}

/** Items in one spelling: separated by commas, without blanks. */
function checkList(type: OptionType & { readonly kind: 'list' }, text: string): CheckedValue {
  const items = listOf(text)
  const bad = items.find((item) => item === '' || type.pattern?.test(item) === false)
  if (bad !== undefined) {
    return { wrong: `holds "${bad}", which is not ${type.form}`, fix: `write a ${rangeOf(type)}` }
  }
  return checkLine(items.join(','))
}

/** The items of a list's text. */
export function listOf(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim())
}

function checkPath(optional: boolean, text: string): CheckedValue {
  if (text === '' && !optional) return { wrong: 'is empty', fix: 'write a path' }
  // A NUL would cut the path short in every system call.
  if (text.includes('\0')) return { wrong: 'holds a NUL character', fix: 'write a path' }
  return { value: text }
}

/** The receiver and the HTTP server read the text the same way when they start. */
function checkAddress(text: string): CheckedValue {
  try {
    parseListenAddress(text)
    return { value: text }
  } catch {
    return {
      wrong: 'is not an address to listen on',
      fix: 'use host:port with a port up to 65535, like 127.0.0.1:9001, 0.0.0.0:9001 or [::1]:9001',
    }
  }
}
