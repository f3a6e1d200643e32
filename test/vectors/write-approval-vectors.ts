/** Writes spec/vectors/approval/*.json from the case tables. Run it by hand when the format gains a case. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { buildStatement } from '../../src/core/approval/statement-bytes.ts'
import { buildReleaseStatement } from '../../src/core/approval/release-statement.ts'
import { decodeUtf8 } from '../../src/core/bytes/utf8.ts'
import { asLogIndex } from '../../src/core/ids.ts'
import { day, keyring, origin, policy, requirementFor, sign, subjectOf } from '../fakes/governed-change.ts'
import { baseStatement, malformedPayloads, mutationCases, vectorFacts } from './approval-cases.ts'
import { releaseContext, releaseMutations, releaseOf, releasePayloads, signRelease } from './release-cases.ts'

const folder = new URL('../../spec/vectors/approval/', import.meta.url)
const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const write = (name: string, value: unknown): void =>
  writeFileSync(new URL(name, folder), `${JSON.stringify(value, null, 1)}\n`)

mkdirSync(folder, { recursive: true })
const canonical = decodeUtf8(buildStatement(baseStatement('approve'))) ?? ''
write('parse.json', {
  about: 'parseStatement: payload as text; expect is `ok` or the reason code',
  cases: [{ name: 'a good approval', payload: canonical, expect: 'ok' }, ...malformedPayloads(canonical)],
})
write('admit.json', {
  about:
    'admit, with this context and the nonce of the unchanged statement of the same decision; one field is changed and signed anew; expect is `ok` or the reason code',
  context: {
    origin,
    subject: subjectOf(vectorFacts),
    requirement: requirementFor(vectorFacts),
    epoch: 3,
    options: policy.options,
    tiers: Object.keys(policy.tiers),
    keyring,
    entry: asLogIndex(10),
    at: day(2),
  },
  cases: mutationCases().map(({ decision, field, statement, expect }) => {
    const { payload, signature } = sign(statement, 'm1')
    return {
      decision,
      field,
      payload: base64Url(payload),
      signature: base64Url(signature),
      expectedNonce: baseStatement(decision).predicate.nonce,
      expect,
    }
  }),
})
const releaseText = decodeUtf8(buildReleaseStatement(releaseOf('m1', 'approve'))) ?? ''
write('release.json', {
  about:
    'parse: parseReleaseStatement of a payload as text. admit: admitRelease with this context and nonce; one field is changed and signed anew. expect is `ok` or the reason code',
  context: releaseContext,
  parse: releasePayloads(releaseText, canonical),
  admit: releaseMutations.map(({ decision, field, statement, expectedNonce, expect }) => {
    const { payload, signature } = signRelease(statement, 'm1')
    const bytes = { payload: base64Url(payload), signature: base64Url(signature) }
    return { decision, field, ...bytes, expectedNonce, expect }
  }),
})
