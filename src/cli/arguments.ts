import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../config/duration.ts'
import { parseTime } from '../query/time-range.ts'
import { Zone } from '../runtime/zone.ts'
import { UNITS, type Units } from './amount.ts'
import { usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import { FORMATS, type Format } from './rows.ts'

/** A whole number of rows, at least 1. For commander: throws what it reports as a usage error. */
export function rowCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Use a whole number from 1.')
  return Number(text)
}

/** A number of rows to skip. For commander, as `rowCount`. */
export function rowsBefore(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Use a whole number from 0.')
  return Number(text)
}

/** A flag that takes a duration like `2s`, at least 100 ms; its value is in ms. */
export function pauseOption(flags: string, description: string, byDefault: string): Option {
  return new Option(flags, description).argParser(pause).default(pause(byDefault), byDefault)
}

function pause(text: string): number {
  const parsed = parseDuration(text)
  if ('wrong' in parsed) throw new InvalidArgumentError(`It ${parsed.wrong}: use one like 2s.`)
  if (parsed.value < 100) throw new InvalidArgumentError('Use at least 100ms.')
  return parsed.value
}

/** `--format table|csv|json`. */
export function formatOption(): Option {
  const byDefault: Format = 'table'
  return new Option('--format <format>', 'table for people; csv and json are exact')
    .choices(FORMATS)
    .default(byDefault)
}

/** `--units GiB|GB`. */
export function unitsOption(): Option {
  const byDefault: Units = 'GiB'
  return new Option('--units <units>', 'GiB: powers of 1024; GB: powers of 1000')
    .choices(UNITS)
    .default(byDefault)
}

/** `--tz`, a zone of the IANA database. */
export function zoneOption(): Option {
  return new Option('--tz <zone>', 'time zone of times given and shown, like Asia/Shanghai')
    .argParser(zone)
    .default(Zone.utc, 'UTC')
}

function zone(name: string): Zone {
  try {
    return Zone.of(name)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** The moment that a flag like `--since -1h` means, unix ms. Throws a usage failure that names the flag. */
export function timeOf(flag: string, text: string, nowMs: number, zone?: Zone): number {
  try {
    return parseTime(text, nowMs, zone)
  } catch (error) {
    throw usageFailure(`${flag}: ${printable((error as Error).message)}`)
  }
}
