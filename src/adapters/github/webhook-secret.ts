import { AppError } from '../../flows/app-error.ts'

/** Why a webhook secret protects nothing. */
export type SecretFault = 'secret-missing' | 'secret-too-short' | 'secret-well-known' | 'secret-repetitive'

const minBytes = 32
const words =
  /its?|secret|everybody|development|production|staging|testing|test|example|default|sample|placeholder|password|passwd|change|replace|please|insert|webhook|hook|github|governance|token|hmac|sha256|your|very|super|long|this|that|here|with|must|random|string|value|local|host|dummy|foobar|demo|admin|qwerty|[0-9]*0?123456789?0?|abcdefgh[i-z]*/g

function isWellKnown(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1')
  if (!/^[\x20-\x7e\s]*$/.test(text)) return false
  const letters = text.toLowerCase().replace(/[^a-z0-9]/g, '')
  return letters.replace(words, '').length < minBytes / 2
}

function isRepetitive(bytes: Uint8Array): boolean {
  if (new Set(bytes).size < 8) return true
  for (let period = 1; period <= bytes.length / 2; period++) {
    if (bytes.every((byte, at) => at < period || byte === bytes[at - period])) return true
  }
  const steps = new Map<number, number>()
  for (let at = 1; at < bytes.length; at++) {
    const step = (bytes[at] as number) - (bytes[at - 1] as number)
    steps.set(step, (steps.get(step) ?? 0) + 1)
  }
  return Math.max(...steps.values()) > bytes.length / 2
}

/**
 * Says why a webhook secret must not be used, or null when nothing is known against it.
 *
 * Checks: at least 32 bytes; not empty; not made of the words that defaults and manuals use; not one byte, a short
 * pattern or a run of neighbours.
 * Does not check: that it came from a good generator; nobody can see that from 32 bytes.
 */
export function secretFault(bytes: Uint8Array): SecretFault | null {
  if (bytes.length === 0) return 'secret-missing'
  if (isWellKnown(bytes) && bytes.length >= minBytes) return 'secret-well-known'
  if (bytes.length < minBytes) return 'secret-too-short'
  return isRepetitive(bytes) ? 'secret-repetitive' : null
}

const explanations: Readonly<Record<SecretFault, string>> = {
  'secret-missing': 'the webhook secret is empty',
  'secret-too-short': `the webhook secret is shorter than ${minBytes} bytes`,
  'secret-well-known': 'the webhook secret is made of default or example words',
  'secret-repetitive': 'the webhook secret repeats a short pattern',
}

/** Refuses a webhook secret that protects nothing. @throws AppError config-invalid, with `data.reason` a SecretFault */
export function assertUsableSecret(bytes: Uint8Array): void {
  const reason = secretFault(bytes)
  if (reason !== null) throw new AppError('config-invalid', explanations[reason], { data: { reason } })
}
