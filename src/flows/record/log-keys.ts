import {
  encodeHex,
  encodeUtf8,
  followLogKeys,
  formatLogKeyClaim,
  formatNoteSignature,
  formatSignedNote,
  formatVerifierKey,
  isLogOrigin,
  type LogKeyCertificate,
  type LogKeyFaultCode,
  noteVerifierKey,
  parseLogKeyClaim,
  parseSignedNote,
  type VerifierKey,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf } from '../audit/event-of.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import { currentEra } from '../gate/log-era.ts'
import { keyNameOf } from '../gate/log-key-name.ts'
import type { Recorder } from '../gate/recorder.ts'
import type { Custody, DecisionLog } from '../ports.ts'

/** The certificates that the log holds since it has its origin, oldest first, with the entries that hold them. */
export async function readCertificates(log: Pick<DecisionLog, 'find'>): Promise<readonly LogKeyCertificate[]> {
  const rows = await log.find({ type: 'log-key', limit: 1000 })
  const { since } = await currentEra(log)
  const ofEra = rows.filter(({ index }) => index > (since ?? -1))
  return ofEra.map((row) => ({ note: textIn(entryData(row), 'certificate'), entry: row.index })).reverse()
}

/**
 * Makes the key that signs the log after its next break, once; a repeated request names the same one. Signs nothing.
 *
 * @throws RangeError unless `next` is another origin; what custody throws
 */
export async function prepareNextKey(
  { origin, log, custody }: Needs,
  next: string,
  makeKey: (name: string) => Promise<unknown>,
): Promise<VerifierKey> {
  if (!isLogOrigin(next) || next === origin) throw new RangeError('a break starts another origin')
  const name = keyNameOf(1, (await currentEra(log)).number + 1)
  if (!(await custody.names()).includes(name)) await makeKey(name)
  return noteVerifierKey(next, await custody.publicKey(name))
}

/** What the offline root is asked to sign. */
export interface LogKeyRequest {
  readonly generation: number
  readonly key: VerifierKey
  /** The claim, signed by the key before it; unsigned for the first key. */
  readonly text: string
}

interface Needs {
  readonly origin: string
  readonly log: Pick<DecisionLog, 'find' | 'head'>
  readonly custody: Pick<Custody, 'publicKey' | 'sign' | 'names'>
}

/**
 * Writes the claim that the root has to sign: for the key of the beginning while nothing is certified, for a successor
 * afterwards. `makeKey` makes the successor's key in custody, once; a request that is repeated is the same one.
 */
export async function requestLogKey(
  { origin, log, custody }: Needs,
  makeKey: (name: string) => Promise<unknown>,
): Promise<LogKeyRequest> {
  const generation = (await readCertificates(log)).length + 1
  const era = (await currentEra(log)).number
  const name = keyNameOf(generation, era)
  if (!(await custody.names()).includes(name)) await makeKey(name)
  const key = noteVerifierKey(origin, await custody.publicKey(name))
  const fromSize = generation === 1 ? 0 : (await log.head()).size
  const claim = formatLogKeyClaim({ origin, generation, key, fromSize })
  if (generation === 1) return { generation, key, text: claim }
  const before = keyNameOf(generation - 1, era)
  const signer = noteVerifierKey(origin, await custody.publicKey(before))
  const signature = formatNoteSignature(signer, await custody.sign(before, encodeUtf8(claim)))
  return { generation, key, text: formatSignedNote(claim, [signature]) }
}

export type AppliedLogKey =
  | { readonly ok: true; readonly generation: number; readonly key: VerifierKey; readonly entry: number }
  | { readonly ok: false; readonly code: LogKeyFaultCode | 'log-key-not-in-custody' | 'log-key-wrong-generation' }

/**
 * Records a certificate. A successor signs from the head on that holds this entry, because entry and head are one commit.
 *
 * Checks: the whole chain with the new certificate, under the root that is handed in; that custody holds the key.
 * @throws AppError store-unavailable and what custody throws
 */
export async function applyLogKey(
  needs: Needs & { readonly recorder: Recorder; readonly operator: string },
  root: VerifierKey,
  certificate: string,
): Promise<AppliedLogKey> {
  const { origin, log, custody, recorder, operator } = needs
  const before = await readCertificates(log)
  const parsed = parseSignedNote(certificate)
  const claim = parsed.ok ? parseLogKeyClaim(parsed.text) : undefined
  if (claim === undefined) return { ok: false, code: 'log-key-malformed' }
  const chain = followLogKeys(origin, [], root, [...before, { note: certificate, entry: null }])
  if (!chain.ok) return chain
  const name = keyNameOf(claim.generation, (await currentEra(log)).number)
  const isHeld =
    (await custody.names()).includes(name) &&
    formatVerifierKey(noteVerifierKey(origin, await custody.publicKey(name))) === formatVerifierKey(claim.key)
  if (!isHeld) return { ok: false, code: 'log-key-not-in-custody' }
  const recorded = await recorder.record((moment) => ({
    result: moment.indexOf(0),
    entries: [
      {
        type: 'log-key' as const,
        actor: { kind: 'operator' as const },
        subject: { kind: 'deployment' as const },
        data: {
          generation: claim.generation,
          key: formatVerifierKey(claim.key),
          root: formatVerifierKey(root),
          certificate,
        },
      },
    ],
    events:
      claim.generation === 1
        ? []
        : [
            eventOf('log-key-succeeded', {
              userId: operator,
              resource: `key:${name}`,
              action: 'succeed',
              details: { publicKey: encodeHex(claim.key.publicKey), entry: moment.indexOf(0) },
            }),
          ],
    writes: [],
  }))
  if (!recorded.ok) throw new AppError('store-unavailable', `the certificate met ${recorded.conflict}`)
  return { ok: true, generation: claim.generation, key: claim.key, entry: recorded.result }
}
