import { type IssuedStatement, issuedEnvelope, issuedPae, issuedPayload, noteVerifierKey } from '../../core/index.ts'
import { keyNameOf } from '../gate/log-key-name.ts'
import type { Custody, DecisionLog } from '../ports.ts'
import { readCertificates } from './log-keys.ts'

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
  const name = keyNameOf(Math.max(1, (await readCertificates(needs.log)).length))
  const payload = issuedPayload(statement)
  const key = noteVerifierKey(needs.origin, await needs.custody.publicKey(name))
  return issuedEnvelope(payload, await needs.custody.sign(name, issuedPae(payload)), key)
}
