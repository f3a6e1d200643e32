import type { Command } from 'commander'
import { writeFileSync } from 'node:fs'
import {
  asCommitId,
  checkSourceSummary,
  inertPlain as inert,
  type Json,
  openIssued,
  parseVerifierKey,
  sourceSummary,
} from '../../core/index.ts'
import { issue } from '../../flows/record/issue.ts'
import { readLandedRevision } from '../../flows/record/landed-revision.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { readNoteFile } from './note-file.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

interface ExportOptions {
  readonly config: string
  readonly out?: string
}

async function exportAction(needs: CliNeeds, name: string, sha: string, options: ExportOptions): Promise<void> {
  const commit = asCommitId(sha)
  await withDeployment(needs, options.config, 'read', async ({ settings, store, custody }) => {
    const { origin } = settings.log
    const known = await store.registry.repositories()
    const repository = known.find((one) => one.name.toLowerCase() === name.toLowerCase())
    const repositoryUri = `${needs.webUrlOf(settings.github.apiUrl)}/${repository?.name ?? name}`
    const revision =
      repository === undefined ? null : await readLandedRevision(store, { origin, repository, repositoryUri, commit })
    if (revision === null)
      throw new Refusal('not-landed', `the log holds no matched landing of ${sha} on ${inert(name)}`, {
        exit: exitCode.notGood,
        remedy: 'Name the commit of the governed branch with which a change landed; a direct push has no summary.',
      })
    const envelope = new TextDecoder().decode(await issue({ origin, log: store.log, custody }, sourceSummary(revision)))
    if (options.out === undefined) return needs.terminal.out(`${envelope}\n`)
    writeFileSync(options.out, envelope)
    needs.terminal.err(`${inert(options.out)} holds the source summary of ${sha}\n`)
  })
}

const words = (value: Json | undefined): string =>
  inert(
    Array.isArray(value)
      ? value.filter((one) => typeof one === 'string').join(' ')
      : typeof value === 'string'
        ? value
        : '',
  )

interface VerifyOptions {
  readonly key: string
  readonly commit?: string
  readonly repository?: string
  readonly level?: readonly string[]
  readonly json?: true
}

function verifyAction({ terminal }: CliNeeds, file: string, options: VerifyOptions): void {
  const key = parseVerifierKey(options.key)
  if (key === undefined) throw new UsageError('--key is a line like name+id+base64: the key of the log')
  const opened = openIssued(new TextEncoder().encode(readNoteFile(file).trimEnd()), [key])
  const refuse = (code: string): Refusal =>
    new Refusal(code, `${file} is not the summary that was asked for`, { exit: exitCode.notGood })
  if (!opened.ok) throw refuse(opened.code)
  const checked = checkSourceSummary(opened.statement, {
    origin: key.name,
    commit: options.commit === undefined ? null : asCommitId(options.commit),
    repositoryUri: options.repository ?? null,
    levels: options.level ?? [],
  })
  if (!checked.ok) throw refuse(checked.code)
  const { predicate, subject } = opened.statement
  if (options.json) return printJson(terminal, { ok: true, subject, predicate })
  terminal.out(
    aligned([
      ['revision', words(subject[0]?.uri)],
      ['landed', words(predicate.timeVerified)],
      ['levels', words(predicate.verifiedLevels)],
    ]),
  )
}

/** `governance vsa export|verify`: SLSA source verification summaries of revisions that landed. */
export function addVsaCommands(program: Command, needs: CliNeeds): void {
  const vsa = program.command('vsa').description('SLSA source verification summaries of merged revisions')
  vsa
    .command('export <OWNER/REPO> <COMMIT>')
    .description('sign what the log holds of a revision that landed on a governed branch')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--out <FILE>', 'write it there instead of standard output')
    .action(async (name: string, commit: string, options: ExportOptions) => exportAction(needs, name, commit, options))
  vsa
    .command('verify <FILE>')
    .description('check a summary against the key of the log, and that it says what is asked; works without network')
    .requiredOption('--key <VKEY>', 'the key of the log, as `governance log key show` prints it')
    .option('--commit <SHA>', 'the revision it must be about')
    .option('--repository <URL>', 'the repository it must be about')
    .option('--level <LEVEL...>', 'levels that it must state')
    .option('--json', 'one JSON value for machines')
    .action((file: string, options: VerifyOptions) => verifyAction(needs, file, options))
}
