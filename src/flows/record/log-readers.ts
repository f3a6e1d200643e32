import type { RepositoryId } from '../../core/index.ts'
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
  /** The repository counts as private from this moment on, whatever the store says, until it is reopened. */
  close(repository: RepositoryId): void
  /** How often the repository was closed: taken before the forge is asked whether it is public. */
  closings(repository: RepositoryId): number
  /**
   * Takes back that the repository was closed, after the forge said that it is public; the store's word counts again. False,
   * and nothing changed, when it was closed since `closings` were counted: what the forge said may be older than that.
   */
  reopen(repository: RepositoryId, closings: number): boolean
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
  /** Whether each governed repository is private, as the store had it last; null while it has to be asked. */
  let stored: ReadonlyMap<RepositoryId, boolean> | null = null
  const closed = new Set<RepositoryId>()
  const closings = new Map<RepositoryId, number>()
  let asking: Promise<void> = Promise.resolve()

  function settle(): void {
    if (stored === null) return
    readers = readersOf(
      parts,
      [...stored].some(([id, isPrivate]) => isPrivate || closed.has(id)),
    )
    if (readers === told) return
    told = readers
    const isNarrowed = parts.access === 'public' && readers !== 'anybody'
    parts.telemetry.event('log-readers', isNarrowed ? 'warn' : 'info', { access: parts.access, readers })
  }

  async function ask(): Promise<void> {
    readers = 'nobody'
    stored = null
    stored = new Map((await parts.registry.repositories()).map(({ id, private: isPrivate }) => [id, isPrivate]))
    settle()
  }

  return {
    now: () => readers,
    refresh() {
      // One after the other: an older answer of the store never takes the place of a newer one.
      const mine = asking.then(ask)
      asking = mine.catch(() => undefined)
      return mine
    },
    close(repository) {
      closed.add(repository)
      closings.set(repository, (closings.get(repository) ?? 0) + 1)
      settle()
    },
    closings: (repository) => closings.get(repository) ?? 0,
    reopen(repository, counted) {
      if ((closings.get(repository) ?? 0) !== counted) return false
      closed.delete(repository)
      settle()
      return true
    },
  }
}
