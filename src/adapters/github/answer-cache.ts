/** Answers that the forge may confirm with 304, which costs no quota. */
export interface AnswerCache {
  find(key: string): { readonly etag: string; readonly text: string; readonly link: string | null } | null
  keep(key: string, etag: string, text: string, link: string | null): void
}

const maxEntryChars = 256 * 1024

/** A cache that forgets what was used longest ago, once it holds more than `maxChars` of text. */
export function createAnswerCache(maxChars: number): AnswerCache {
  const entries = new Map<string, { etag: string; text: string; link: string | null }>()
  let held = 0
  const drop = (key: string) => {
    held -= entries.get(key)?.text.length ?? 0
    entries.delete(key)
  }
  return {
    find(key) {
      const entry = entries.get(key)
      if (entry === undefined) return null
      entries.delete(key)
      entries.set(key, entry)
      return entry
    },
    keep(key, etag, text, link) {
      drop(key)
      if (text.length > maxEntryChars) return
      entries.set(key, { etag, text, link })
      held += text.length
      for (const oldest of entries.keys()) {
        if (held <= maxChars) break
        drop(oldest)
      }
    },
  }
}
