import type { Config } from './config/config.ts'
import { requireBearer } from './delivery/http/bearer-token.ts'
import type { LogAdmission } from './delivery/http/log-routes.ts'
import type { Custody, Registry, Telemetry } from './flows/ports.ts'
import { createKnownReaders, type KnownReaders } from './flows/record/log-readers.ts'

/**
 * Who may read the files of the decision log: asked anew before anything is published, answered without the store.
 *
 * @throws AppError custody-not-found, config-invalid for a token that can be guessed
 */
export async function composeReaders(
  { access = 'public', token }: Config['log'],
  parts: {
    readonly registry: Pick<Registry, 'repositories'>
    readonly telemetry: Pick<Telemetry, 'event'>
    readonly custody: Pick<Custody, 'reveal'>
  },
): Promise<{ readonly known: KnownReaders; readonly admission: LogAdmission }> {
  const known = createKnownReaders({ access, hasToken: token !== undefined, ...parts })
  const secret = token === undefined ? null : await parts.custody.reveal(token.keystore)
  return {
    known,
    admission: {
      readers: () => known.now(),
      isBearer: secret === null ? null : requireBearer(new TextDecoder().decode(secret).trim()),
    },
  }
}
