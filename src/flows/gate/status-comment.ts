import { encodeUtf8, explain, findPerson, type Instant, sha256Hex } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { ForgeComments, Write } from '../ports.ts'
import { type ChallengeBasis, type ChallengeNeeds, challengeBasis, challengeFor, signingKey } from './challenge.ts'
import { statusJob } from './jobs.ts'
import type { JudgeNeeds, JudgeTarget } from './judge.ts'
import { currentNames } from './names.ts'
import { cloneCheckCommands } from './signing-commands.ts'

/** Finds our status comment again when its id is not known. */
const statusMarker = '<!-- governance-status -->'
const editEveryMs = 60_000
const textLimit = 60_000

export interface StatusNeeds extends JudgeNeeds, Omit<ChallengeNeeds, 'registry'> {
  readonly comments: ForgeComments
}

const fence = (lines: readonly string[]): string => ['```sh', ...lines, '```'].join('\n')

/** Commands for every person who can still sign, each folded under the person's login. */
async function signingSections(needs: StatusNeeds, basis: ChallengeBasis): Promise<readonly string[]> {
  const wanted = new Set(
    basis.verdict.missing.flatMap((missing) => (missing.kind === 'signatures' ? missing.from : [])),
  )
  const sections: string[] = []
  const at = needs.clock.now()
  for (const account of [...wanted].sort((a, b) => a - b)) {
    const person = findPerson(basis.keyring, account)
    const keyid = person && signingKey(basis, person, null, at)
    if (person === undefined || keyid == null) continue
    const recordedVotes = await needs.statements.count(basis.repository.id, basis.facts.number, account)
    const { commands } = challengeFor(needs, basis, { account, keyid, recordedVotes }, { decision: 'approve' })
    const own = commands.slice(cloneCheckCommands(basis.facts).length)
    sections.push(
      `<details><summary>Sign as <code>${person.login.replace(/[^A-Za-z0-9-]/g, '')}</code></summary>\n\n${fence(own)}\n\n</details>`,
    )
  }
  return sections
}

async function statusText(needs: StatusNeeds, target: JudgeTarget): Promise<string | null> {
  const record = await needs.changes.find(target.repository, target.number)
  if (record?.verdict == null || record.state !== 'open') return null
  const verdict = await needs.verdicts.read(record.verdict.digest)
  if (verdict === null) return null
  const { title, lines } = explain(verdict, 'markdown', await currentNames(needs.registry))
  const parts = [
    statusMarker,
    `### Governance: ${title}`,
    ...lines,
    `Decided for head \`${record.verdict.head}\`, entry ${record.verdict.entry} of the decision log.`,
  ]
  const basis = await challengeBasis(needs, target.repository, target.number)
  if (basis !== null) {
    const sections = await signingSections(needs, basis)
    if (sections.length > 0) {
      parts.push(
        'To approve: check the content in your own clone, sign on a machine of your choice that has `openssl`, and paste the line that it prints as a new comment.',
        fence(cloneCheckCommands(basis.facts)),
        ...sections,
      )
    }
  }
  const text = parts.join('\n\n')
  return text.length <= textLimit
    ? text
    : `${parts.slice(0, 2).join('\n\n')}\n\nThe details page has the reasons and the signing commands.`
}

/**
 * Brings the one status comment up to date: edited in place, at most once a minute, only when its text changes.
 *
 * Errs: a comment that a person deleted is written anew; after an ambiguous creation ours is looked for by its marker.
 */
export async function showStatus(needs: StatusNeeds, target: JudgeTarget): Promise<readonly Write[]> {
  const repository = await needs.registry.repository(target.repository)
  const record = await needs.changes.find(target.repository, target.number)
  const text = await statusText(needs, target)
  if (repository === null || record === null || text === null) return []
  const now: Instant = needs.clock.now()
  const textDigest = sha256Hex(encodeUtf8(text))
  const { statusComment } = record
  if (statusComment?.textDigest === textDigest) return []
  if (statusComment !== null && now - statusComment.writtenAt < editEveryMs)
    return [statusJob(target.repository, target.number, (statusComment.writtenAt + editEveryMs) as Instant)]
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const id = await writeComment(needs, forgeRepository, target.number, statusComment?.id ?? null, text)
  return [
    {
      kind: 'change',
      record: { ...record, version: record.version + 1, statusComment: { id, textDigest, writtenAt: now } },
    },
  ]
}

async function writeComment(
  needs: StatusNeeds,
  repository: Parameters<ForgeComments['create']>[0],
  number: number,
  known: number | null,
  text: string,
): Promise<number> {
  const id = known ?? (await needs.comments.find(repository, number, statusMarker))
  if (id !== null) {
    try {
      await needs.comments.update(repository, id, text)
      return id
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'forge-not-found') throw error
    }
  }
  return (await needs.comments.create(repository, number, text)).id
}
