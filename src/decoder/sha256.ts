/** Longest input, bytes. Above that the runtime's own is as fast. */
export const MAX_INPUT_BYTES = 503

/** Whole blocks of 64 bytes, with room for the padding. */
const padded = new Uint8Array(MAX_INPUT_BYTES + 9)
const bytesOf = new DataView(padded.buffer)

/** FIPS 180-4: the fractions of the roots of the first primes. */
const primes = firstPrimes(64)
const K = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)))
const START = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

const schedule = new Int32Array(64)
const state = new Int32Array(8)

/**
 * Where the input of the next `sha256` is to be written. The hot path has this own SHA-256 because a call
 * into the runtime costs 2 us and an object, five times the hash of a short input itself.
 */
export const input: Uint8Array = padded.subarray(0, MAX_INPUT_BYTES)

/** SHA-256 of the first `length` bytes of `input`, as eight big-endian words; they stand until the next call. */
export function sha256(length: number): Int32Array {
  const end = (length + 9 + 63) & ~63
  padded[length] = 0x80
  padded.fill(0, length + 1, end - 4)
  bytesOf.setUint32(end - 4, length * 8)
  state.set(START)
  for (let at = 0; at < end; at += 64) addBlock(at)
  return state
}

function addBlock(at: number): void {
  const w = schedule
  for (let i = 0; i < 16; i++) w[i] = bytesOf.getInt32(at + i * 4)
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number
    const y = w[i - 2] as number
    const sigma0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const sigma1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = ((w[i - 16] as number) + sigma0 + (w[i - 7] as number) + sigma1) | 0
  }
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  let e = state[4] as number
  let f = state[5] as number
  let g = state[6] as number
  let h = state[7] as number
  for (let i = 0; i < 64; i++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const choice = (e & f) ^ (~e & g)
    const t1 = (h + sum1 + choice + (K[i] as number) + (w[i] as number)) | 0
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const majority = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + sum0 + majority) | 0
  }
  add(0, a)
  add(1, b)
  add(2, c)
  add(3, d)
  add(4, e)
  add(5, f)
  add(6, g)
  add(7, h)
}

function add(word: number, value: number): void {
  state[word] = (state[word] as number) + value
}

/** The first 32 bits of a number's fraction. */
function fraction(value: number): number {
  return Math.floor((value % 1) * 2 ** 32) | 0
}

function firstPrimes(count: number): number[] {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) if (found.every((p) => n % p !== 0)) found.push(n)
  return found
}
