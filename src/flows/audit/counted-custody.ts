import { AppError } from '../app-error.ts'
import type { Custody } from '../ports.ts'
import { eventOf, serverUser } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'
import type { SecurityEvents } from './security-events.ts'

/** What custody was asked for, counted: a signature for every entry would be an entry for every signature. */
export interface CountedCustody {
  /** The same custody, with every use counted and every refusal told. */
  readonly custody: Custody
  /** One event for each key that was used since the last call. */
  take(): readonly SecurityEvent[]
}

/** Watches custody. `events` is asked for only when custody refuses: it may not exist yet. */
export function countKeyUse(
  custody: Custody,
  events: () => Pick<SecurityEvents, 'noteRationed'> | null,
): CountedCustody {
  const counts = new Map<string, { readonly name: string; readonly action: 'sign' | 'reveal'; count: number }>()

  const refused = (name: string, action: 'sign' | 'reveal', code: string): void =>
    events()?.noteRationed(`key-refused ${action} ${name}`, (unsaidBefore) =>
      eventOf('key-refused', {
        userId: serverUser,
        resource: `key:${name}`,
        action,
        details: { code, unsaidBefore },
      }),
    )

  async function use<T>(name: string, action: 'sign' | 'reveal', run: () => Promise<T>): Promise<T> {
    try {
      const result = await run()
      const key = `${action} ${name}`
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { name, action, count: 1 })
      else known.count++
      return result
    } catch (error) {
      if (error instanceof AppError) refused(name, action, error.code)
      throw error
    }
  }

  return {
    custody: {
      reveal: (name) => use(name, 'reveal', () => custody.reveal(name)),
      sign: (name, message) => use(name, 'sign', () => custody.sign(name, message)),
      publicKey: (name) => custody.publicKey(name),
      names: () => custody.names(),
    },
    take() {
      const used = [...counts.values()]
      counts.clear()
      return used.map(({ name, action, count }) =>
        eventOf('key-used', { userId: serverUser, resource: `key:${name}`, action, details: { count } }),
      )
    },
  }
}
