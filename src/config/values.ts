/** Kinds of values that several tables of the configuration hold, each with a message and what to do. */
import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import { z } from 'zod'

/** A message and what to do, in one string on their way through zod; `splitMessage` takes them apart. */
const separator = ' → '
export const say = (message: string, remedy: string): string => `${message}${separator}${remedy}`

/** Takes apart what `say` joined; zod's own messages have no remedy. */
export function splitMessage(text: string): { readonly message: string; readonly remedy: string | null } {
  const at = text.indexOf(separator)
  return at < 0
    ? { message: text, remedy: null }
    : { message: text.slice(0, at), remedy: text.slice(at + separator.length) }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)

/** An address on the web. Plain HTTP is for the machine itself: anywhere else it would carry tokens and signatures in the open. */
export function webAddress(example: string) {
  return z
    .string()
    .refine(
      (text) => {
        const url = URL.parse(text)
        if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
          return false
        return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
      },
      { error: say('is not an https address', `write it like ${example}, without user, query or fragment`) },
    )
    .transform((text) => text.replace(/\/+$/, ''))
}

/** Where a listener waits: host and port. */
export const listen = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host !== undefined && port <= 65_535 && (match?.[1] === undefined || isIP(host) === 6)) return { host, port }
  context.addIssue({
    code: 'custom',
    message: say('is not host:port', 'write it like "127.0.0.1:8080" or "[::1]:8080"'),
  })
  return z.NEVER
})

/** A whole number within bounds. */
export const count = (least: number, most: number, fallback: number) =>
  z
    .int({ error: say('is not a whole number', `write a whole number from ${least} to ${most}`) })
    .min(least, { error: say('is too small', `at least ${least}`) })
    .max(most, { error: say('is too large', `at most ${most}`) })
    .default(fallback)

/** The full path of a file or directory. */
export const absolutePath = (example: string) =>
  z.string().refine((path) => isAbsolute(path) && !path.includes('\0'), {
    error: say('is not an absolute path', `write it like "${example}"`),
  })
