import { AppError } from '../../flows/app-error.ts'
import type { Clock } from '../../flows/ports.ts'
import type { Answer, Call } from './call.ts'
import { path } from './api-address.ts'
import { objectOf, reading } from './answers.ts'
import { textAt } from './payload-fields.ts'

/** Tokens by which the App acts in an installation. */
export interface InstallationTokens {
  current(installation: number): Promise<string>
  forget(installation: number): void
}

/** The only things that the gate does with an installation's token, whatever the installation would allow. */
const permissions = {
  checks: 'write',
  contents: 'read',
  metadata: 'read',
  pull_requests: 'write',
}

const earlyMs = 5 * 60_000

/**
 * Makes and keeps installation tokens, in memory only, one request for all who wait.
 *
 * Errs: a token is renewed five minutes early, and whenever the clock jumps out of its life.
 */
export function createInstallationTokens(options: {
  readonly clock: Clock
  readonly send: (call: Call) => Promise<Answer>
}): InstallationTokens {
  type Held = { readonly token: string; readonly from: number; readonly until: number }
  const held = new Map<number, Held>()
  const making = new Map<number, Promise<Held>>()

  async function ask(installation: number): Promise<Answer> {
    try {
      return await options.send({
        as: { kind: 'app' },
        kind: 'token',
        method: 'POST',
        path: path`/app/installations/${installation}/access_tokens`,
        body: { permissions },
      })
    } catch (cause) {
      if (!(cause instanceof AppError) || cause.data.status !== 422) throw cause
      throw new AppError('forge-forbidden', 'the installation lacks a permission that the gate needs', {
        cause,
        data: { reason: 'permissions', installation },
      })
    }
  }

  async function make(installation: number): Promise<Held> {
    const from = options.clock.now()
    const { json } = await ask(installation)
    return reading(() => {
      const answer = objectOf(json, 'token')
      const expires = Date.parse(textAt(answer, 'expires_at', 'expires_at', 64))
      return {
        token: textAt(answer, 'token', 'token', 1024),
        from,
        until: Number.isNaN(expires) ? from : expires - earlyMs,
      }
    })
  }

  return {
    async current(installation) {
      const now = options.clock.now()
      const found = held.get(installation)
      if (found !== undefined && now >= found.from && now < found.until) return found.token
      let pending = making.get(installation)
      if (pending === undefined) {
        pending = make(installation).finally(() => making.delete(installation))
        making.set(installation, pending)
      }
      const made = await pending
      held.set(installation, made)
      return made.token
    },
    forget: (installation) => void held.delete(installation),
  }
}
