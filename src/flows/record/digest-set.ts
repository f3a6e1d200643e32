/**
 * A set of digests of one length that costs their bytes and little more: millions of them fit where a set of texts does not.
 */
export interface DigestSet {
  /** Adds the digest that stands at this place of a list of digests, and says whether it is new. */
  add(digests: Uint32Array, at?: number): boolean
  /** How many digests are in it, the one of zeros aside. */
  readonly size: number
}

const digitOf = (code: number): number =>
  code >= 0x30 && code <= 0x39 ? code - 0x30 : code >= 0x61 && code <= 0x66 ? code - 0x57 : -1

/** The words of a text of hex digits, eight digits a word; undefined for every other text. */
export function wordsOfHex(text: string, into = new Uint32Array(text.length / 8), at = 0): Uint32Array | undefined {
  for (let word = 0; word * 8 < text.length; word++) {
    let value = 0
    for (let i = word * 8; i < word * 8 + 8; i++) {
      const digit = digitOf(text.charCodeAt(i))
      if (digit < 0) return undefined
      value = (value << 4) | digit
    }
    into[at + word] = value
  }
  return into
}

/** The value of each byte that is a hex digit. */
const digits = Uint8Array.from({ length: 256 }, (_, code) => Math.max(0, digitOf(code)))

/** The same of bytes that are known to be hex digits: `words` words, written to `into` from `at` on. */
export function wordsOfHexBytes(bytes: Uint8Array, from: number, words: number, into: Uint32Array, at: number): void {
  for (let word = 0; word < words; word++) {
    const start = from + word * 8
    let value = 0
    for (let i = start; i < start + 8; i++) value = (value << 4) | (digits[bytes[i] as number] as number)
    into[at + word] = value
  }
}

/** The hex digits of the digest of `words` words that begins at `from`. */
export function hexOfWords(digest: Uint32Array, from: number, words: number): string {
  let text = ''
  for (let i = from; i < from + words; i++) text += (digest[i] as number).toString(16).padStart(8, '0')
  return text
}

/** The most digests that room is made for before they come: who says how many there will be may lie. */
const mostExpected = 2 ** 22
const leastCapacity = 1024

/** Makes an empty set of digests of that many 32-bit words, with room for as many as are expected. */
export function digestSet(words: number, expected = 0): DigestSet {
  let capacity = leastCapacity
  while (capacity < 2 * Math.min(expected, mostExpected)) capacity *= 2
  /** A slot of zeros is free: what else would be looked up lies at hand with it. */
  let slots = new Uint32Array(capacity * words)
  let size = 0
  let hasZero = false

  const isZero = (digests: Uint32Array, from: number): boolean => {
    for (let i = from; i < from + words; i++) if (digests[i] !== 0) return false
    return true
  }

  /** Where the slot of a digest begins, or the free one where it belongs. */
  function slotOf(digests: Uint32Array, from: number): number {
    // Words that a stranger may choose are mixed with others, so that one chosen word fills no row.
    const mixed = Math.imul((digests[from] as number) ^ (digests[from + words - 1] as number), 0x9e3779b1)
    let at = (mixed ^ (mixed >>> 15)) & (capacity - 1)
    for (; ; at = (at + 1) & (capacity - 1)) {
      const start = at * words
      let i = 0
      while (i < words && slots[start + i] === digests[from + i]) i++
      if (i === words || isZero(slots, start)) return start
    }
  }

  function put(start: number, digests: Uint32Array, from: number): void {
    for (let i = 0; i < words; i++) slots[start + i] = digests[from + i] as number
  }

  function grow(): void {
    const old = slots
    capacity *= 2
    slots = new Uint32Array(capacity * words)
    for (let from = 0; from < old.length; from += words) if (!isZero(old, from)) put(slotOf(old, from), old, from)
  }

  return {
    get size() {
      return size
    },
    add(digests, place = 0) {
      const from = place * words
      if (isZero(digests, from)) {
        const isNew = !hasZero
        hasZero = true
        return isNew
      }
      const start = slotOf(digests, from)
      if (!isZero(slots, start)) return false
      put(start, digests, from)
      if (++size * 2 > capacity) grow()
      return true
    },
  }
}
