import type { Command } from 'commander'
import { inertPlain as inert, type LogIndex, readEvidence, sha256Hex, verifyEvidence } from '../../core/index.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import { findDecision, gatherEvidence } from '../../flows/record/evidence.ts'
import { changeNameOf } from './change-name.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, type CliStore, withDeployment } from './needs.ts'
import { writeNewFile } from './new-file.ts'
import { Refusal } from './refusal.ts'
import { printJson } from './terminal.ts'

interface ExportOptions {
  readonly config: string
  readonly out?: string
  readonly json?: true
}

const unknown = (message: string): Refusal =>
  new Refusal('not-found', message, {
    exit: exitCode.unknown,
    remedy: 'Name a pull request as OWNER/REPO#NUMBER, or a verdict by its index or id in the log.',
  })

/** The entry of the newest verdict on a pull request, or the one that is named itself. */
async function verdictNamed(store: CliStore, name: string): Promise<LogIndex> {
  if (!name.includes('#')) {
    const found = await findDecision(store.log, name)
    if (found === null) throw unknown(`the log has no entry ${inert(name)}`)
    return found
  }
  const { repository: wanted, number } = changeNameOf(name)
  const repositories = await store.registry.repositories()
  const repository = repositories.find((known) => known.name.toLowerCase() === wanted.toLowerCase())
  const recorded = repository && (await store.changes.find(repository.id, number))?.verdict
  if (!recorded) throw unknown(`no verdict on ${inert(name)} is recorded`)
  return recorded.entry
}

async function exportAction(needs: CliNeeds, name: string, options: ExportOptions): Promise<void> {
  const { terminal, acceleration } = needs
  await withDeployment(needs, options.config, 'read', async (deployment) => {
    const { store } = deployment
    const publishedHead = await deployment.publishedHead()
    const verdict = await verdictNamed(store, name)
    const bytes = await gatherEvidence({ ...store, acceleration, publishedHead }, verdict)
    // What contradicts itself already here would be an accusation in the hands of a stranger: better to hear it at home.
    const { checks } = verifyEvidence(bytes, { trust: null, cloneCheck: null, quorumTime: null, acceleration })
    const fault = checks.find(({ outcome }) => outcome === 'fail')
    if (fault !== undefined)
      throw new Refusal('store-corrupt', `the evidence contradicts itself: ${fault.check} ${fault.code}`, {
        remedy: 'Stop, keep the data directory as it is, and look for what changed it.',
        data: { checks },
      })
    const [row] = await store.log.entries(verdict, verdict + 1)
    const details = { verdict, evidence: sha256Hex(bytes) }
    await deployment.note([
      eventOf('evidence-exported', {
        userId: deployment.operator,
        resource: `change:${row?.subject ?? ''}`,
        action: 'export',
        details,
      }),
    ])
    if (options.out === undefined) return terminal.out(new TextDecoder().decode(bytes))
    writeNewFile(options.out, bytes)
    const read = readEvidence(bytes)
    const entries = read.ok ? read.evidence.entries.length : 0
    if (options.json) printJson(terminal, { file: options.out, entry: verdict, bytes: bytes.length, entries })
    else
      terminal.out(`${inert(options.out)}: evidence of entry ${verdict}, ${bytes.length} bytes, ${entries} entries\n`)
  })
}

/** `governance evidence export`: one verdict and everything that it stands on, as one file. */
export function addEvidenceCommands(program: Command, needs: CliNeeds): void {
  program
    .command('evidence')
    .description('what strangers judge a verdict by')
    .command('export <DECISION>')
    .description('write the evidence of the newest verdict on OWNER/REPO#NUMBER, or of a verdict by its entry')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--out <FILE>', 'where to; standard output when left out')
    .option('--json', 'one JSON value for machines, with --out')
    .action(async (name: string, options: ExportOptions) => exportAction(needs, name, options))
}
