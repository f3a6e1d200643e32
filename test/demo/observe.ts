/** What anybody can see of a change: its check, its merge button, the server's replies, and what the log holds. */
import { acceleration } from '../../src/compose-acceleration.ts'
import {
  decodeEntry,
  parseVerifierKey,
  rootOfLeaves,
  treeHasher,
  type Verdict,
  verifyCheckpoint,
} from '../../src/core/index.ts'
import { replyMarker } from '../../src/flows/gate/replies.ts'
import { createVerdictReader } from '../../src/flows/gate/verdict-reader.ts'
import type { FindingRecord } from '../../src/flows/ports.ts'
import { expectThere, StepFailure } from './steps.ts'
import { origin, type World } from './world.ts'

export interface Shown {
  readonly conclusion: string | null
  readonly title: string
  readonly summary: string
}

/** The newest run of our check on a commit. @throws StepFailure when there is none */
export function checkOn(world: World, name: string, head: string, base = 'main'): Shown {
  const runs = world.forge
    .checkRuns(name, head)
    .filter((run) => run.appId === world.appId && run.name === `governance/${base}`)
  const run = expectThere(`the check governance/${base} on ${head.slice(0, 7)}`, runs.at(-1))
  return { conclusion: run.conclusion, title: run.title ?? '', summary: run.summary ?? '' }
}

/** The check of a pull request's present head. */
export const checkOf = (world: World, name: string, number: number): Shown =>
  checkOn(world, name, world.forge.pullRequest({ repo: name, number }).headSha)

/** Why the merge button is grey for the administrator; empty when it works. */
export const buttonProblems = (world: World, name: string, number: number, by: string): readonly string[] =>
  world.forge.mergeProblems({ repo: name, number }, by)

/** What became of a comment with a command. */
export interface Reply {
  readonly text: string
  /** The reason code of a refusal; null when it was taken. */
  readonly code: string | null
}

/** Writes a comment, waits for everything that follows, and reads the server's one reply. @throws StepFailure */
export async function comment(world: World, name: string, number: number, by: string, body: string): Promise<Reply> {
  const id = world.forge.comment({ repo: name, number }, by, body)
  await world.settled()
  const replies = world.forge
    .comments({ repo: name, number })
    .filter((one) => one.isApp && one.body.includes(replyMarker(id)))
  if (replies.length !== 1)
    throw new StepFailure(`replies to ${by}'s comment on ${name}#${number}`, 'one', String(replies.length))
  const text = (replies[0]?.body ?? '').replace(/<!--[^]*?-->/g, '').trim()
  return { text, code: /refused \(`([a-z0-9-]+)`/.exec(text)?.[1] ?? null }
}

/** The verdict in force of a pull request, and the entry that holds it. @throws StepFailure when it was never judged */
export async function verdictOf(
  world: World,
  name: string,
  number: number,
): Promise<{ readonly verdict: Verdict; readonly entry: number }> {
  const record = await world.store.changes.find(world.repositoryId(name), number)
  const { digest, entry } = expectThere(`a verdict on ${name}#${number}`, record?.verdict)
  return { verdict: await createVerdictReader(world.store.memory).existing(digest), entry }
}

type Node = Verdict['reason']
const codesIn = (node: Node): readonly string[] => [node.code, ...node.children.flatMap(codesIn)]

/** Every reason code in a verdict's tree. */
export const codesOf = ({ reason }: Verdict): readonly string[] => codesIn(reason)

/** How many distinct persons count. */
export const countedIn = ({ counted }: Verdict): number => new Set(counted.flatMap(({ persons }) => persons)).size

export interface Entry {
  readonly index: number
  readonly data: Readonly<Record<string, unknown>>
}

/** The newest entry of a type. @throws StepFailure when there is none */
export async function newestEntry(world: World, type: string): Promise<Entry> {
  const [row] = await world.store.log.find({ type, limit: 1 })
  const { index, bytes } = expectThere(`a log entry of type ${type}`, row)
  const decoded = decodeEntry(bytes)
  if (!decoded.ok) throw new StepFailure(`entry ${index}`, 'a well-formed entry', decoded.code)
  return { index, data: decoded.entry.data }
}

/** Findings of a repository by now, newest first. */
export async function findingsOf(world: World, name: string): Promise<readonly FindingRecord[]> {
  const id = world.repositoryId(name)
  return (await world.store.memory.findings(1_000)).filter(({ repository }) => repository === id)
}

/** How many entries the log has. */
export const logSize = async (world: World): Promise<number> => (await world.store.log.head()).size

/** Recomputes the log's tree from its entries and compares it with the signed checkpoint. @throws StepFailure */
export async function recomputeLog(world: World): Promise<{ readonly size: number; readonly root: string }> {
  const size = await logSize(world)
  const leaves: Uint8Array[] = []
  const hasher = treeHasher(acceleration)
  while (leaves.length < size) {
    const rows = await world.store.log.entries(leaves.length, Math.min(size, leaves.length + 1_000))
    if (rows.length === 0) throw new StepFailure('entries of the log', String(size), String(leaves.length))
    for (const { bytes } of rows) leaves.push(hasher.leaf(bytes))
  }
  const root = Buffer.from(rootOfLeaves(leaves, hasher)).toString('hex')
  const key = expectThere('the verifier key that init printed', parseVerifierKey(world.logKey))
  const { note } = expectThere('a signed checkpoint', await world.store.log.checkpoint())
  const verified = verifyCheckpoint(note, origin, [key])
  if (!verified.ok) throw new StepFailure('the checkpoint', 'signed by the log key', verified.code)
  const signed = Buffer.from(verified.checkpoint.root).toString('hex')
  if (verified.checkpoint.size !== size || signed !== root)
    throw new StepFailure(
      'the signed checkpoint',
      `size ${size}, root ${root}`,
      `size ${verified.checkpoint.size}, root ${signed}`,
    )
  return { size, root }
}
