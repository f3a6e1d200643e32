import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { isJsonObject, parseJsonStrict } from '../../core/index.ts'
import { invariant } from '../../flows/app-error.ts'
import type { Webhooks } from '../../flows/ports.ts'
import { FieldFault } from './payload-fields.ts'
import { decodePayload } from './webhook-decode.ts'
import { assertUsableSecret } from './webhook-secret.ts'

/** The forge sends nothing larger; the listener caps bodies long before. */
const maxBytes = 25 * 1024 * 1024
/** Four times the nesting of the deepest official example. */
const maxDepth = 64

const signature = /^sha256=([0-9a-f]{64})$/
const guidText = /^[0-9A-Za-z-]{1,64}$/
const eventText = /^[a-z0-9_]{1,64}$/

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const limits = { maxBytes, maxDepth, decodeUtf8: (bytes: Uint8Array): string => utf8.decode(bytes) }

/**
 * Authenticates and decodes GitHub's webhooks.
 *
 * Two secrets at once let an operator rotate without losing a delivery.
 * Checks: HMAC-SHA-256 only; a SHA-1 signature is no signature. Refusal codes: `signature-missing`,
 * `signature-malformed`, `signature-wrong`; `header-guid`, `header-event`; `payload-invalid:json-<fault>` and
 * `payload-invalid:<field>`.
 * @throws AppError config-invalid when no secret is given or one protects nothing
 * Spec: docs.github.com, "Validating webhook deliveries"; RFC 2104.
 */
export function createWebhooks({ secrets }: { readonly secrets: readonly Uint8Array[] }): Webhooks {
  if (secrets.length === 0) assertUsableSecret(new Uint8Array())
  for (const secret of secrets) assertUsableSecret(secret)
  const keys = secrets.map((secret) => createSecretKey(secret))
  invariant(keys.length > 0, 'a webhook is never accepted without a secret')

  return {
    authenticate(signatureHeader, body) {
      if (signatureHeader === undefined || signatureHeader === '') return { ok: false, code: 'signature-missing' }
      const hex = signature.exec(signatureHeader)?.[1]
      if (hex === undefined) return { ok: false, code: 'signature-malformed' }
      const claimed = Buffer.from(hex, 'hex')
      // No early return: the time must not tell which secret matched.
      let matches = 0
      for (const key of keys) {
        const own = createHmac('sha256', key).update(body).digest()
        matches |= timingSafeEqual(own, claimed) ? 1 : 0
      }
      return matches === 1 ? { ok: true } : { ok: false, code: 'signature-wrong' }
    },

    decode({ guid, event }, body) {
      if (!guidText.test(guid)) return { ok: false, code: 'header-guid' }
      if (!eventText.test(event)) return { ok: false, code: 'header-event' }
      const parsed = parseJsonStrict(body, limits)
      if (!parsed.ok) return { ok: false, code: `payload-invalid:json-${parsed.code}` }
      if (!isJsonObject(parsed.value)) return { ok: false, code: 'payload-invalid:json-not-an-object' }
      try {
        return { ok: true, event: { guid, event, ...decodePayload(event, parsed.value) } }
      } catch (error) {
        if (error instanceof FieldFault) return { ok: false, code: `payload-invalid:${error.field}` }
        throw error
      }
    },
  }
}
