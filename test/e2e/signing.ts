/** Statements that the challenge route does not hand out, signed with real keys, and what the server answers to them. */
import { webUrlOf } from '../../src/adapters/github/api-address.ts'
import { nonceKeyName } from '../../src/compose-names.ts'
import {
  buildStatement,
  decodeHex,
  keyIdOf,
  signEcdsa,
  type Statement,
  statementPae,
  type Verdict,
} from '../../src/core/index.ts'
import { challengeBasis, commandOf, signingKey, statementFor } from '../../src/flows/gate/challenge.ts'
import type { Wish } from '../../src/flows/gate/wish.ts'
import { replyMarker } from '../../src/flows/gate/replies.ts'
import { createVerdictReader } from '../../src/flows/gate/verdict-reader.ts'
import type { Deployment } from './deployment.ts'

/** Whoever can sign: an account and a secret key. */
export interface Signer {
  readonly login: string
  readonly id: number
  readonly secretHex: string
  readonly publicHex: string
}

export interface SignedStatement {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** The line that is pasted as a comment. */
  readonly comment: string
}

export interface SigningOptions {
  /** Changes the statement that the server would issue, before it is signed. */
  readonly alter?: (statement: Statement) => Statement
  /** Changes the bytes of the statement before they are signed, also into what no builder would make. */
  readonly rewrite?: (text: string) => string
  /** Changes the signature after it was made. */
  readonly mangle?: (signature: Uint8Array) => Uint8Array
}

const secret = (person: Pick<Signer, 'secretHex'>): Uint8Array => Buffer.from(person.secretHex, 'hex')

/** Leaves out every denial of authorship that the server asks for. */
export const denyingNothing: SigningOptions = {
  alter: (one) => ({ ...one, predicate: { ...one.predicate, notAuthorOf: [] } }),
}

/** Denies authorship of exactly these commits. */
export const denying = (...commits: readonly string[]): SigningOptions => ({
  alter: (one) => ({ ...one, predicate: { ...one.predicate, notAuthorOf: commits as readonly (typeof one.head)[] } }),
})

/** The comment that carries these bytes. */
export const commentOf = (command: string, payload: Uint8Array, signature: Uint8Array): string =>
  `/governance-${command} ${Buffer.from(payload).toString('base64url')} ${Buffer.from(signature).toString('base64')}`

/** Builds the statement that the server expects of this person now, and signs it. */
export async function signStatement(
  d: Deployment,
  name: string,
  number: number,
  person: Signer,
  wish: Wish,
  options: SigningOptions = {},
): Promise<SignedStatement> {
  const verdicts = createVerdictReader(d.store.memory)
  const needs = {
    ...d.store,
    verdicts,
    nonceKey: await d.custody.reveal(nonceKeyName),
    origin: d.config.log.origin,
    webUrl: webUrlOf(d.config.github.apiUrl),
  }
  const basis = await challengeBasis(needs, d.repositoryId(name), number)
  if (basis === null) throw new Error(`nothing can be signed on ${name}#${number}`)
  const known = basis.keyring.persons.find(({ account }) => account === person.id)
  const publicKey = decodeHex(person.publicHex)
  if (publicKey === undefined) throw new Error('no key')
  const wanted = keyIdOf(publicKey)
  const keyid = (known && signingKey(basis, known, wanted, d.clock.now())) ?? wanted
  const account = person.id as Statement['predicate']['signer']['maintainer']
  const recordedVotes = await d.store.statements.count(d.repositoryId(name), number, account)
  const issued = statementFor(needs, basis, { account, keyid, recordedVotes }, wish)
  const built = buildStatement(options.alter?.(issued) ?? issued)
  const payload = options.rewrite ? Buffer.from(options.rewrite(Buffer.from(built).toString())) : built
  const made = signEcdsa(secret(person), statementPae(payload))
  const signature = options.mangle?.(made) ?? made
  return { payload, signature, comment: commentOf(commandOf(wish.decision), payload, signature) }
}

/** Posts a comment, waits for everything that follows, and returns the comment's id. */
export async function say(d: Deployment, name: string, number: number, login: string, text: string): Promise<number> {
  const id = d.fake.comment({ repo: name, number }, login, text)
  await d.settled()
  return id
}

/** The server's one reply to a comment; null when there is none. */
export function replyTo(d: Deployment, name: string, number: number, commentId: number): string | null {
  const marker = replyMarker(commentId)
  const replies = d.fake.comments({ repo: name, number }).filter(({ body, isApp }) => isApp && body.includes(marker))
  if (replies.length > 1) throw new Error(`${replies.length} replies to one comment`)
  return replies[0]?.body ?? null
}

/** Posts a comment and returns what the reply says became of it: `ok`, the code of the refusal, or null for silence. */
export async function outcomeOf(
  d: Deployment,
  name: string,
  number: number,
  login: string,
  text: string,
): Promise<string | null> {
  const reply = replyTo(d, name, number, await say(d, name, number, login, text))
  if (reply === null) return null
  return /refused \(`([a-z0-9-]+)`/.exec(reply)?.[1] ?? /can run \(`([a-z0-9-]+)`/.exec(reply)?.[1] ?? 'ok'
}

/** Signs a statement, posts it as its signer, and returns what became of it. */
export async function act(
  d: Deployment,
  name: string,
  number: number,
  person: Signer,
  wish: Wish = { decision: 'approve' },
  options: SigningOptions = {},
): Promise<string | null> {
  const { comment } = await signStatement(d, name, number, person, wish, options)
  return outcomeOf(d, name, number, person.login, comment)
}

/** Attests a condition of the change with evidence of its own. */
export const attest = (
  d: Deployment,
  name: string,
  number: number,
  person: Signer,
  condition: string,
): Promise<string | null> =>
  act(d, name, number, person, {
    decision: 'attest',
    condition: {
      id: condition as NonNullable<Wish['condition']>['id'],
      uri: `https://example.test/${encodeURIComponent(condition)}`,
      digest: 'ab'.repeat(32) as NonNullable<Wish['condition']>['digest'],
      ...(condition === 'rationale' ? { text: 'Because '.repeat(20) } : {}),
    },
  })

/** The newest recorded verdict of a pull request. */
export async function verdictOf(d: Deployment, name: string, number: number): Promise<Verdict> {
  const record = await d.store.changes.find(d.repositoryId(name), number)
  if (record?.verdict == null) throw new Error(`${name}#${number} was never judged`)
  return createVerdictReader(d.store.memory).existing(record.verdict.digest)
}

type Node = Verdict['reason']
const codesIn = (node: Node): readonly string[] => [node.code, ...node.children.flatMap(codesIn)]

/** Every code in the newest verdict's tree. */
export const codesOf = async (d: Deployment, name: string, number: number): Promise<readonly string[]> =>
  codesIn((await verdictOf(d, name, number)).reason)

/** Distinct persons that count in the verdict's quorums, over all sets. */
export const countedOf = async (d: Deployment, name: string, number: number): Promise<readonly number[]> =>
  (await verdictOf(d, name, number)).counted.flatMap(({ persons }) => persons)
