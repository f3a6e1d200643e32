import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { AppError } from '../../flows/app-error.ts'
import type { Clock } from '../../flows/ports.ts'

/** Hands out the App's own bearer token. */
export interface AppJwt {
  current(): Promise<string>
  /** Forgets key and token, so that a replaced key is read anew. */
  forget(): void
}

const lifetimeMs = 9 * 60_000
/** The forge's clock may be a minute behind ours. */
const graceMs = 60_000

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** @throws AppError config-invalid unless `pem` is an RSA private key (PKCS#1 or PKCS#8) of at least 2048 bits */
function readKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // The cause is left out: it may quote the key.
    throw new AppError('config-invalid', 'the App private key is not a PEM private key', {
      data: { reason: 'app-key' },
    })
  }
  if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
    throw new AppError('config-invalid', 'the App private key is not RSA of 2048 bits or more', {
      data: { reason: 'app-key' },
    })
  }
  return key
}

/**
 * Makes the JWT by which the App proves itself: RS256, issued a minute ago, valid for nine more.
 *
 * Spec: docs.github.com, "Generating a JSON Web Token for a GitHub App"; RFC 7515, RFC 7519.
 */
export function createAppJwt(options: {
  readonly appId: number
  readonly privateKey: () => Promise<string>
  readonly clock: Clock
}): AppJwt {
  let key: KeyObject | null = null
  let made: { readonly token: string; readonly at: number } | null = null
  return {
    async current() {
      const now = options.clock.now()
      // A clock that was set back must not make the token one from the future.
      if (made !== null && now >= made.at && now < made.at + lifetimeMs - 2 * graceMs) return made.token
      key ??= readKey(await options.privateKey())
      const seconds = Math.floor(now / 1000)
      const claims = { iat: seconds - graceMs / 1000, exp: seconds + lifetimeMs / 1000, iss: String(options.appId) }
      const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`
      const token = `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
      made = { token, at: now }
      return token
    },
    forget() {
      key = null
      made = null
    },
  }
}
