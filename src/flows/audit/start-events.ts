import { type Acceleration, bytesDigest, canonicalBytes, type Json, type Sha256 } from '../../core/index.ts'
import type { Recorder } from '../gate/recorder.ts'
import type { Memory } from '../ports.ts'
import { eventOf, serverUser } from './event-of.ts'
import { recordEvents } from './record-events.ts'
import type { SecurityEvent } from './security-event.ts'

/** Cursor that names the configuration of the newest start. */
const configCursor = 'audit/config'

/**
 * Records with which configuration the server begins, and whether it is another than the last time; nothing is listened to
 * before that is durable.
 *
 * Trust: `config` holds names of secrets and never secrets; only its digest is written.
 * @throws AppError what the log refuses with: a server whose log takes nothing does not start
 */
export async function recordConfig(
  needs: { readonly recorder: Recorder; readonly memory: Pick<Memory, 'cursor'>; readonly acceleration: Acceleration },
  config: Json,
): Promise<Sha256> {
  const digest = bytesDigest(canonicalBytes(config), needs.acceleration)
  const before = await needs.memory.cursor(configCursor)
  const told = { userId: serverUser, resource: 'config' } as const
  const events: SecurityEvent[] = [eventOf('config-loaded', { ...told, action: 'load', details: { digest } })]
  if (before !== null && before !== digest)
    events.push(eventOf('config-changed', { ...told, action: 'change', details: { digest, before } }))
  await recordEvents(needs.recorder, events, [{ kind: 'cursor', name: configCursor, value: digest }])
  return digest
}
