import { type IssuedStatement, issuedEnvelope, issuedPae, issuedPayload, noteVerifierKey } from '../../core/index.ts'
import { currentKeyName } from '../gate/log-era.ts'
import type { Custody, DecisionLog } from '../ports.ts'

/**
 * Signs a statement with the key that signs the heads of the decision log now, so that whoever trusts the log can check what
 * the server says besides. Ed25519 is deterministic: the same statement gives the same bytes.
 *
 * @throws what custody throws
 */
export async function issue(
  needs: {
    readonly origin: string
    readonly log: Pick<DecisionLog, 'find'>
    readonly custody: Pick<Custody, 'publicKey' | 'sign'>
  },
  statement: IssuedStatement,
): Promise<Uint8Array> {
  const name = await currentKeyName(needs.log)
  const payload = issuedPayload(statement)
  const key = noteVerifierKey(needs.origin, await needs.custody.publicKey(name))
  return issuedEnvelope(payload, await needs.custody.sign(name, issuedPae(payload)), key)
}
