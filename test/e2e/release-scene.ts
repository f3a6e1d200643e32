/** A revision that landed as it had passed, maintainers who say something about a release of it, and the desk that signs it. */
import { createHash } from 'node:crypto'
import { acceleration } from '../../src/compose-acceleration.ts'
import {
  type Artifact,
  artifactsDigest,
  asCommitId,
  asSha256,
  type CommitId,
  type IssuedStatement,
  signEcdsa,
} from '../../src/core/index.ts'
import { createRecorder } from '../../src/flows/gate/recorder.ts'
import { signRelease, type SignReleaseNeeds } from '../../src/flows/release/sign-release.ts'
import { systemRandom } from '../../src/system.ts'
import { type Deployment, origin } from './deployment.ts'
import { commentOf, outcomeOf, type Signer } from './signing.ts'
import { approveAll, days, open } from './threat-scene.ts'

export const sdk = 'acme/sdk'
const webUrl = 'https://github.example.org'

export const artifact = (name: string, text: string): Artifact => ({
  name,
  sha256: asSha256(createHash('sha256').update(text).digest('hex')),
})

/** Lands a change of layer 5 as it was approved; returns the revision and the pull request. */
export async function landed(d: Deployment): Promise<{ readonly revision: CommitId; readonly number: number }> {
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  d.fake.mergePullRequest({ repo: sdk, number: pull.number }, 'admin', 'squash')
  await d.settled()
  return { revision: asCommitId(d.fake.branch(sdk, 'main')), number: pull.number }
}

export interface Wanted {
  readonly tag: string
  readonly revision: string
  readonly artifacts: readonly Artifact[]
  readonly decision?: string
  readonly reason?: string
}

/** The public address of a challenge about a release. */
export function releaseChallengeUrl(base: string, repository: string, login: string, wanted: Wanted): URL {
  const url = new URL(`${base}/challenge/${repository}/release`)
  const { tag, revision, artifacts, decision, reason } = wanted
  const query = { maintainer: login, tag, revision, artifacts: artifactsDigest(artifacts), decision, reason }
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value)
  return url
}

export interface SignedAnswer {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly comment: string
  readonly commands: readonly string[]
}

const commands: Readonly<Record<string, string>> = { veto: 'veto', withdraw: 'withdraw' }

/** Takes the challenge of one person from the public listener and signs it with that person's key. */
export async function signedAnswer(
  base: string,
  repository: string,
  person: Signer,
  wanted: Wanted,
): Promise<SignedAnswer> {
  const answer = await fetch(releaseChallengeUrl(base, repository, person.login, wanted))
  if (answer.status !== 200) throw new Error(`no challenge: ${answer.status}`)
  const told = (await answer.json()) as { payload: string; pae: string; commands: string[] }
  const payload = Buffer.from(told.payload, 'base64url')
  const signature = signEcdsa(Buffer.from(person.secretHex, 'hex'), Buffer.from(told.pae, 'base64'))
  const comment = commentOf(commands[wanted.decision ?? ''] ?? 'sign', payload, signature)
  return { payload, signature, comment, commands: told.commands }
}

/** Signs and comments; returns `ok` or the code of the refusal. */
export async function sayOnRelease(
  d: Deployment,
  number: number,
  person: Signer,
  wanted: Wanted,
): Promise<string | null> {
  const { comment } = await signedAnswer(d.url, sdk, person, wanted)
  return outcomeOf(d, sdk, number, person.login, comment)
}

/** What the command line needs to sign, beside a server that runs. */
export function signingDesk(d: Deployment): SignReleaseNeeds {
  const { store, custody, clock } = d
  const recorder = createRecorder({
    ...store,
    store: store.store,
    origin,
    custody,
    clock,
    random: systemRandom,
    acceleration,
  })
  return { ...store, recorder, custody, origin, webUrl, acceleration, publishedHead: null, operator: 'operator' }
}

/** Signs the release as the operator does; returns what became of it. */
export async function signAt(d: Deployment, { tag, revision, artifacts }: Wanted) {
  const repository = await d.store.registry.repository(d.repositoryId(sdk))
  if (repository === null) throw new Error('not enrolled')
  const request = { repository: sdk, revision: asCommitId(revision), tag, artifacts }
  return signRelease(signingDesk(d), repository, request)
}

/** The names of the files that a statement lists. */
export const namesIn = ({ subject }: IssuedStatement): readonly unknown[] => subject.map(({ name }) => name)
