import { acceleration } from './compose-acceleration.ts'
import type { Config } from './config/config.ts'
import type { Json, Sha256 } from './core/index.ts'
import { recordConfig } from './flows/audit/start-events.ts'
import type { Recorder } from './flows/gate/recorder.ts'
import type { StorePorts, Telemetry } from './flows/ports.ts'
import { recordVerifier, type VerifierRelease } from './flows/record/verifier-release.ts'

/** The same value as plain JSON: what is not set is not there. */
const plainJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json

/**
 * Records with what a server begins: its configuration, and the verifier that it carries. Returns the digest of the former.
 *
 * @throws AppError what the log refuses with: a server whose log takes nothing does not start
 */
export async function recordStart(
  needs: Pick<StorePorts, 'log' | 'memory'> & { readonly recorder: Recorder; readonly telemetry: Telemetry },
  config: Config,
  verifier: VerifierRelease | undefined,
): Promise<Sha256> {
  const digest = await recordConfig({ ...needs, acceleration }, plainJson(config))
  if (verifier !== undefined) await recordVerifier(needs, verifier)
  return digest
}
