import type { Registry, Telemetry } from '../ports.ts'

/** Who may read the files of the decision log. */
export type LogReaders = 'anybody' | 'token-holders' | 'nobody'

/** What the operator decided about readers. */
export interface LogAccess {
  readonly access: 'public' | 'token'
  readonly hasToken: boolean
}

/**
 * Who may read, given what the log tells of. Entries of a private repository name its branches, persons and verdicts, so that
 * a public log becomes one of token holders with the first of them, and nobody's while there is no token.
 */
export function readersOf({ access, hasToken }: LogAccess, hasPrivateRepository: boolean): LogReaders {
  if (access === 'public' && !hasPrivateRepository) return 'anybody'
  return hasToken ? 'token-holders' : 'nobody'
}

/** Whether the log tells of a private repository, also of one that is governed no more: its entries stay. */
export async function hasPrivateRepository(registry: Pick<Registry, 'repositories'>): Promise<boolean> {
  return (await registry.repositories()).some((repository) => repository.private)
}

/** Who may read now, without a look at the store. */
export interface KnownReaders {
  /** Nobody until the store was asked. */
  now(): LogReaders
  /** Asks the store; must be done before anything new is published. When it throws, nobody may read until it is done again. */
  refresh(): Promise<void>
}

/** Knows the readers of the log, and says so whenever they change. */
export function createKnownReaders(
  parts: LogAccess & {
    readonly registry: Pick<Registry, 'repositories'>
    readonly telemetry: Pick<Telemetry, 'event'>
  },
): KnownReaders {
  let readers: LogReaders = 'nobody'
  let told: LogReaders | null = null
  return {
    now: () => readers,
    async refresh() {
      const before = readers
      readers = 'nobody'
      const found = readersOf(parts, await hasPrivateRepository(parts.registry))
      readers = found
      if (found === told && found === before) return
      told = found
      const isNarrowed = parts.access === 'public' && found !== 'anybody'
      parts.telemetry.event('log-readers', isNarrowed ? 'warn' : 'info', { access: parts.access, readers: found })
    },
  }
}
