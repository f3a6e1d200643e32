import type { RepositoryId } from '../../core/index.ts'
import { eventOf, repositoryResource, serverUser } from '../audit/event-of.ts'
import type { SecurityEvents } from '../audit/security-events.ts'
import type { ForgeReader, Registry, RepositoryRecord, Store } from '../ports.ts'
import type { KnownReaders } from '../record/log-readers.ts'

export interface PrivacyNeeds {
  readonly reader: Pick<ForgeReader, 'isPrivate'>
  readonly registry: Pick<Registry, 'repository'>
  readonly store: Pick<Store, 'commit'>
  readonly readers: Pick<KnownReaders, 'close' | 'closings' | 'reopen' | 'refresh'>
  readonly events: Pick<SecurityEvents, 'note'>
}

function tell({ events }: Pick<PrivacyNeeds, 'events'>, id: RepositoryId, what: 'seen-private' | 'seen-public'): void {
  const resource = repositoryResource(id)
  events.note(eventOf('repository-changed', { userId: serverUser, resource, action: 'observe', details: { what } }))
}

/**
 * Makes a governed repository count as private because the forge said so: in memory before this returns its promise, in the
 * store when it resolves.
 */
export async function notePrivate(
  needs: Pick<PrivacyNeeds, 'store' | 'readers' | 'events'>,
  repository: Pick<RepositoryRecord, 'id' | 'private'>,
): Promise<void> {
  if (repository.private) return
  needs.readers.close(repository.id)
  await needs.store.commit([{ kind: 'repository-private', repository: repository.id, private: true }])
  tell(needs, repository.id, 'seen-private')
}

/**
 * Brings what the store says of a repository's privacy to what the forge says now. Nothing else makes one public again: what
 * a delivery says may be old, and what it says of closing acts without the forge.
 *
 * Errs: towards private. What closes the repository while the forge is asked wins over its answer.
 * @throws AppError forge-…, store-unavailable; the repository is then as private as it was
 */
export async function settlePrivacy(needs: PrivacyNeeds, id: RepositoryId): Promise<void> {
  const closings = needs.readers.closings(id)
  const repository = await needs.registry.repository(id)
  if (repository === null) return
  const { name, installation } = repository
  if (await needs.reader.isPrivate({ id, name, installation })) return notePrivate(needs, repository)
  if (!needs.readers.reopen(id, closings) || !repository.private) return
  // No moment between the two: a closing that comes later is committed later.
  await needs.store.commit([{ kind: 'repository-private', repository: id, private: false }])
  tell(needs, id, 'seen-public')
  await needs.readers.refresh()
}
