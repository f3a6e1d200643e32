import {
  asCommitId,
  buildStatement,
  type CommitId,
  decodeBase64,
  decodeBase64Url,
  equalBytes,
  isAboutRelease,
  isJsonObject,
  type JsonObject,
  parseJsonStrict,
  parseEitherStatement,
  type ReleaseStatement,
  type Statement,
  statementPae,
} from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'
import { restate, type Wish } from '../../flows/gate/wish.ts'

/** The largest challenge that is read: a payload, its PAE and the commands. */
export const maxChallengeBytes = 512 * 1024

/** A challenge whose parts agree with each other. */
export interface ReadChallenge<S = Statement | ReleaseStatement> {
  readonly payload: Uint8Array
  readonly statement: S
  readonly commands: readonly string[]
  /** Where the signed difference starts, as the server says. */
  readonly from: CommitId | null
}

const refuse = (what: string): Refusal =>
  new Refusal('challenge-malformed', `this is no challenge: ${what}`, {
    exit: exitCode.unknown,
    remedy: 'Fetch it anew with `governance approval challenge`.',
  })

/** Bytes of either alphabet of base64, padded or not; undefined when the text is neither. */
export function bytesOf(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string') return undefined
  return decodeBase64(text) ?? decodeBase64Url(text.replace(/={1,2}$/, ''))
}

function fromOf(value: JsonObject): CommitId | null {
  const diff = value.diff
  if (diff === undefined || diff === null) return null
  if (!isJsonObject(diff) || typeof diff.from !== 'string' || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(diff.from))
    throw refuse('`diff.from` is no commit')
  return asCommitId(diff.from)
}

/**
 * Reads the answer of `GET /challenge/…`.
 *
 * Trust: a server wrote it, and may want to have something else signed than it says.
 * Checks: the payload is a canonical statement; PAE and key id are those of the payload.
 * @throws Refusal challenge-malformed, challenge-contradicts-itself
 */
export function readChallenge(bytes: Uint8Array): ReadChallenge {
  const parsed = parseJsonStrict(bytes, { maxBytes: maxChallengeBytes, maxDepth: 6 })
  if (!parsed.ok || !isJsonObject(parsed.value)) throw refuse('not a JSON object')
  const { value } = parsed
  const payload = bytesOf(value.payload)
  const pae = bytesOf(value.pae)
  if (payload === undefined || pae === undefined) throw refuse('`payload` or `pae` is missing or not base64')
  const read = parseEitherStatement(payload)
  if (!read.ok) throw refuse(`the payload is no statement (${read.code}${read.field === null ? '' : ` ${read.field}`})`)
  const contradiction = (what: string): Refusal =>
    new Refusal('challenge-contradicts-itself', `${what}: sign nothing of this server before you know why`)
  if (!equalBytes(pae, statementPae(payload))) throw contradiction('`pae` is not the encoding of `payload`')
  if (value.keyid !== read.statement.predicate.signer.keyid) throw contradiction('`keyid` is not the key in `payload`')
  const commands = Array.isArray(value.commands) ? value.commands.filter((line) => typeof line === 'string') : []
  return { payload, statement: read.statement, commands, from: fromOf(value) }
}

/** A challenge about a change. @throws Refusal challenge-contradicts-itself when it is about a release */
export function changeChallenge(challenge: ReadChallenge): ReadChallenge<Statement> {
  const { statement } = challenge
  if (!isAboutRelease(statement)) return { ...challenge, statement }
  throw new Refusal('challenge-contradicts-itself', 'the challenge is about a release, not about a pull request')
}

/** A challenge about a release. @throws Refusal challenge-contradicts-itself when it is about a change */
export function releaseChallengeOf(challenge: ReadChallenge): ReadChallenge<ReleaseStatement> {
  const { statement } = challenge
  if (isAboutRelease(statement)) return { ...challenge, statement }
  throw new Refusal('challenge-contradicts-itself', 'the challenge is about a pull request, not about a release')
}

/** The challenge with what the signer wants to say instead; as it is for null. @throws Refusal statement-malformed */
export function applyWish(challenge: ReadChallenge<Statement>, wished: Wish | null): ReadChallenge<Statement> {
  if (wished === null) return challenge
  const statement = restate(challenge.statement, wished)
  try {
    return { ...challenge, statement, payload: buildStatement(statement) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Refusal('statement-malformed', `this cannot be signed: ${error.message}`, {
      exit: exitCode.usage,
      remedy: 'Correct the named value.',
    })
  }
}
