/** A set of session ids: dense integers, so a byte each. */
export class IdMarks {
  #marks = new Uint8Array(1024)

  add(id: number): void {
    if (id >= this.#marks.length) this.#grow(id)
    this.#marks[id] = 1
  }

  has(id: number): boolean {
    return this.#marks[id] === 1
  }

  clear(): void {
    this.#marks.fill(0)
  }

  #grow(id: number): void {
    let length = this.#marks.length * 2
    while (length <= id) length *= 2
    const bigger = new Uint8Array(length)
    bigger.set(this.#marks)
    this.#marks = bigger
  }
}
