/**
 * A set of digests of one length that costs their bytes and little more: millions of them fit where a set of texts does not.
 */
export interface DigestSet {
  /** Adds the digest that stands at this place of a list of digests, and says whether it is new. */
  add(digests: Uint32Array, at?: number): boolean
}

/** The words of a text of hex digits, eight digits a word; undefined for every other text. */
export function wordsOfHex(text: string, into = new Uint32Array(text.length / 8), at = 0): Uint32Array | undefined {
  for (let word = 0; word * 8 < text.length; word++) {
    let value = 0
    for (let i = word * 8; i < word * 8 + 8; i++) {
      const code = text.charCodeAt(i)
      const digit = code >= 0x30 && code <= 0x39 ? code - 0x30 : code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
      if (digit < 0) return undefined
      value = (value << 4) | digit
    }
    into[at + word] = value
  }
  return into
}

/** Makes an empty set of digests of that many 32-bit words. */
export function digestSet(words: number): DigestSet {
  let capacity = 1024
  let slots = new Uint32Array(capacity * words)
  let used = new Uint8Array(capacity)
  let size = 0

  /** The slot of a digest, or the free one where it belongs. */
  function slotOf(digests: Uint32Array, from: number): number {
    // Words that a stranger may choose are mixed with others, so that one chosen word fills no row.
    const mixed = Math.imul((digests[from] as number) ^ (digests[from + words - 1] as number), 0x9e3779b1)
    let at = (mixed ^ (mixed >>> 15)) & (capacity - 1)
    for (; used[at] === 1; at = (at + 1) & (capacity - 1)) {
      let i = 0
      while (i < words && slots[at * words + i] === digests[from + i]) i++
      if (i === words) break
    }
    return at
  }

  function put(at: number, digests: Uint32Array, from: number): void {
    used[at] = 1
    for (let i = 0; i < words; i++) slots[at * words + i] = digests[from + i] as number
  }

  function grow(): void {
    const [oldSlots, oldUsed, oldCapacity] = [slots, used, capacity]
    capacity *= 2
    slots = new Uint32Array(capacity * words)
    used = new Uint8Array(capacity)
    for (let i = 0; i < oldCapacity; i++) if (oldUsed[i] === 1) put(slotOf(oldSlots, i * words), oldSlots, i * words)
  }

  return {
    add(digests, place = 0) {
      const from = place * words
      const at = slotOf(digests, from)
      if (used[at] === 1) return false
      put(at, digests, from)
      if (++size * 2 > capacity) grow()
      return true
    },
  }
}
