/** What the tests of threats share: one deployment for a file, changes opened on it, and what the forge then shows. */
import { after } from 'node:test'
import { dayMs, parseJsonStrict } from '../../src/core/index.ts'
import type { CommitInput } from '../fakes/github/repositories.ts'
import type { PullState } from '../fakes/github/control-api.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { replyTo, type Signer, signStatement } from './signing.ts'

type Options = NonNullable<Parameters<typeof startDeployment>[1]>

/** One deployment for all tests of a file, started by the first that asks, with a clock that only tests move. */
export function sharedDeployment(options: Options = {}): () => Promise<Deployment> {
  const ends: (() => unknown)[] = []
  let started: Promise<Deployment> | null = null
  after(async () => {
    for (const end of ends.reverse()) await end()
  })
  return () => {
    started ??= startDeployment({ after: (end) => void ends.push(end as () => unknown) }, { frozen: true, ...options })
    return started
  }
}

let branches = 0

export interface NewChange extends Partial<CommitInput> {
  readonly opener?: string
  readonly by?: string
  readonly title?: string
  readonly body?: string
  readonly base?: string
  readonly draft?: boolean
}

/** Opens a pull request from a new branch with one commit; the file of tier 1 when no other is named. */
export async function open(d: Deployment, name: string, change: NewChange = {}): Promise<PullState> {
  const branch = `change-${++branches}`
  const { opener, title, body, base, draft, by, ...commit } = change
  d.fake.commit(name, branch, {
    author: 'alice',
    message: 'change',
    files: { 'docs/guide.md': `text ${branches}\n` },
    from: base ?? 'main',
    by: by ?? opener ?? 'alice',
    ...commit,
  })
  const pull = d.fake.openPullRequest({
    repo: name,
    head: branch,
    author: opener ?? 'alice',
    title: title ?? 'A change',
    body: body ?? null,
    draft: draft ?? false,
    ...(base === undefined ? {} : { base }),
  })
  await d.settled()
  return pull
}

/** Each person approves what is the head now, all at the same time. @throws when one is not admitted */
export async function approveAll(
  d: Deployment,
  name: string,
  number: number,
  persons: readonly Signer[],
): Promise<void> {
  const ids = new Map<Signer, number>()
  for (const person of persons) {
    const { comment } = await signStatement(d, name, number, person, { decision: 'approve' })
    ids.set(person, d.fake.comment({ repo: name, number }, person.login, comment))
  }
  await d.settled()
  for (const [person, id] of ids) {
    const reply = replyTo(d, name, number, id)
    if (reply === null || !reply.includes('is recorded'))
      throw new Error(`${person.login} on ${name}#${number}: ${reply ?? 'no reply'}`)
  }
}

/** What the check of the pull request's present head says. */
export function shown(d: Deployment, name: string, number: number): string | null {
  const { headSha, baseRef } = d.fake.pullRequest({ repo: name, number })
  return d.check(name, headSha, baseRef)?.conclusion ?? null
}

/** Whether the merge button works for an administrator who bypasses nothing. */
export const isMergeable = (d: Deployment, name: string, number: number): boolean =>
  d.fake.mergeProblems({ repo: name, number }, 'admin').length === 0

export const days = (count: number): number => count * dayMs

/** The data of the newest entries of a type, newest first. */
export async function entriesOf(
  d: Deployment,
  type: string,
  subject?: string,
): Promise<readonly Record<string, unknown>[]> {
  const rows = await d.store.log.find({ type, limit: 1000, ...(subject === undefined ? {} : { subject }) })
  return rows.map(({ bytes }) => {
    const parsed = parseJsonStrict(bytes, { maxBytes: 70_000, maxDepth: 32 })
    if (!parsed.ok) throw new Error('an entry is no JSON')
    return (parsed.value as { data: Record<string, unknown> }).data
  })
}

/** Codes of the findings about a repository. */
export async function findingsOf(d: Deployment, name: string): Promise<readonly string[]> {
  const id = d.repositoryId(name)
  return (await d.store.memory.findings(1000)).filter(({ repository }) => repository === id).map(({ code }) => code)
}
