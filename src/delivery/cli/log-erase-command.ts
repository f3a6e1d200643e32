import type { Command } from 'commander'
import { asSha256, inertPlain as inert, type LogIndex, type Sha256 } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { type ErasurePlan, type ErasureRefusal, eraseBlob, planErasure } from '../../flows/record/erase.ts'
import type { Removal } from '../../flows/record/remove-everywhere.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { confirmed } from './prompts.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, counted, printJson } from './terminal.ts'

interface EraseOptions {
  readonly config: string
  readonly reason?: string
  readonly yes?: true
  readonly json?: true
}

const shortestReason = 10
const longestReason = 500
const shownEntries = 20

const refusals: Readonly<Record<ErasureRefusal, { readonly words: string; readonly remedy: string }>> = {
  'blob-unknown': {
    words: 'no entry of the log names this digest, or its value is not there',
    remedy: 'The digest is that of a file below blob/ of the log, 64 hexadecimal characters; check it.',
  },
  'blob-not-erasable': {
    words: 'this value is part of what every verdict is judged by; without it none could be verified',
    remedy:
      'What a person wrote stands in statements, facts, lists of files and verdicts; erase the one that holds it.',
  },
  'blob-makes-keyring': {
    words: 'the statement suspends a key or lifts a suspension; the keyring of every later verdict follows from it',
    remedy: 'Nothing can be done about this one: without it no later verdict could be verified.',
  },
  'blob-makes-release': {
    words: 'it is the statement that was signed for a release; without it strangers could not judge the release',
    remedy: 'Nothing can be done about this one: without it the release could not be verified.',
  },
  'blob-awaits-landing': {
    words: 'the change is merged and not yet compared with what landed',
    remedy: 'Wait until the log holds its landing-matched entry or a finding, and run this again.',
  },
}

const kinds = {
  statement: 'payload of a signed statement',
  facts: 'facts of a change',
  files: 'list of the files of a change',
  verdict: 'reasons of a verdict',
  policy: 'policy',
  'policy-file': 'file of a policy',
  keyring: 'keyring',
  requirement: 'requirement',
  release: 'signed statement of a release',
} as const

function digestOf(text: string): Sha256 {
  const hex = text.replace(/^sha256:/, '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new UsageError('DIGEST is the SHA-256 of a value, 64 hexadecimal characters')
  return asSha256(hex)
}

function reasonOf(text: string | undefined): string {
  const reason = text?.trim() ?? ''
  const isLine = reason.length >= shortestReason && reason.length <= longestReason && /^\P{Cc}+$/u.test(reason)
  if (isLine) return reason
  throw new UsageError(
    `--reason <TEXT> is one line of ${shortestReason} to ${longestReason} characters; it stays in the log for ever`,
  )
}

const changeText = ({ repository, number }: { readonly repository: number; readonly number: number }): string =>
  `${repository}#${number}`

function showPlan({ terminal }: CliNeeds, plan: ErasurePlan): void {
  const { kind, size, naming, open, policies } = plan
  const named = naming
    .slice(0, shownEntries)
    .map(({ index, type, change }) => `${index} ${type}${change === null ? '' : ` of ${changeText(change)}`}`)
  if (naming.length > shownEntries) named.push(`${naming.length - shownEntries} more`)
  terminal.err(
    aligned([
      ['value', `${kinds[kind]}, ${size ?? 0} bytes`],
      ['named by', named.map((one) => `entry ${one}`).join(', ')],
      ['decided anew', open.length === 0 ? 'no open change' : open.map(changeText).join(', ')],
    ]),
  )
  if (kind === 'statement') terminal.err('The signature stays in the log. A vote that raises trust counts no more.\n')
  if (policies.length > 0)
    terminal.err(
      `${counted(policies.length, 'policy').replace('policys', 'policies')} took effect by it (entry ${policies.join(', ')}): ` +
        'no verdict since then can be verified completely any more.\n',
    )
  terminal.err('Nothing brings it back: not even the same bytes may be stored again. Backups are yours to see to.\n')
}

/** What a value was erased with, told to person and machine. */
interface Outcome {
  readonly digest: Sha256
  readonly kind: ErasurePlan['kind']
  readonly entry: LogIndex
  readonly isNew: boolean
  readonly decidedAnew: readonly string[]
  readonly removals: readonly Removal[]
  /** Why the entry could not be published from here; null where it was, or where the server does it. */
  readonly unpublished: string | null
}

/** Shows the entry to the world, where no server does so by itself. */
async function publishHere(deployment: Deployment): Promise<string | null> {
  if (deployment.store.isBeside) return null
  try {
    await deployment.publishLog({ all: false })
    return null
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

function tell({ terminal }: CliNeeds, outcome: Outcome, isBeside: boolean): void {
  const { digest, entry, isNew, removals, unpublished } = outcome
  terminal.out(
    aligned([
      ['erased', digest],
      ['entry', `${entry}${isNew ? '' : ', of an erasure before this one'}`],
      ...removals.map(({ place, code }) => ['files', `${inert(place)}: ${code === null ? 'gone' : code}`] as const),
    ]),
  )
  if (unpublished !== null) terminal.err(`The entry is recorded and not published: ${unpublished}.\n`)
  if (removals.some(({ code }) => code !== null) || unpublished !== null)
    terminal.err('Next: see to the place that refused; the server, or `governance log publish`, finishes the work.\n')
  else if (isBeside) terminal.err('The running server publishes the entry within seconds.\n')
}

async function eraseAction(needs: CliNeeds, finish: Finish, name: string, options: EraseOptions): Promise<void> {
  const digest = digestOf(name)
  const reason = reasonOf(options.reason)
  await withDeployment(needs, options.config, 'write', async (deployment) => {
    const { store, recorder, operator } = deployment
    const parts = { ...store, recorder, operator }
    const planned = await planErasure(parts, digest)
    if (!planned.ok) throw refusalOf(planned.code, planned.kind, planned.naming.length)
    const { plan } = planned
    let entry = plan.erasedBy
    if (entry === null) {
      showPlan(needs, plan)
      await confirmed(needs.terminal, `Erase ${digest} for good?`, options.yes === true)
      const erased = await eraseBlob(parts, digest, reason)
      if (!erased.ok && erased.code !== 'already-erased') throw refusalOf(erased.code, plan.kind, plan.naming.length)
      entry = erased.entry
    }
    // Also after an erasure that somebody cut off: whatever of it was left undone is done now.
    const removals = await deployment.removeBlob(digest)
    const outcome: Outcome = {
      digest,
      kind: plan.kind,
      entry,
      isNew: plan.erasedBy === null,
      decidedAnew: plan.open.map(changeText),
      removals,
      unpublished: await publishHere(deployment),
    }
    const isDone = removals.every(({ code }) => code === null) && outcome.unpublished === null
    finish(isDone ? exitCode.good : exitCode.unknown)
    if (options.json) return printJson(needs.terminal, outcome)
    tell(needs, outcome, store.isBeside)
  })
}

function refusalOf(code: ErasureRefusal, kind: ErasurePlan['kind'] | null, entries: number): Refusal {
  const { words, remedy } = refusals[code]
  return new Refusal(
    code,
    kind === null ? words : `${words} (${kinds[kind]}, named by ${counted(entries, 'naming')})`,
    {
      remedy,
      data: { kind, entries },
    },
  )
}

/** `governance log erase`: a value that entries name goes for good, and an entry says so. */
export function addLogEraseCommand(log: Command, needs: CliNeeds, finish: Finish): void {
  log
    .command('erase <DIGEST>')
    .description(
      'erase a value that entries name (a statement, facts, a list of files, a verdict); also while the server runs',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--reason <TEXT>', 'why; it stays in the log for ever')
    .option('--yes', 'ask nothing')
    .option('--json', 'one JSON value for machines')
    .action(async (name: string, options: EraseOptions) => eraseAction(needs, finish, name, options))
}
