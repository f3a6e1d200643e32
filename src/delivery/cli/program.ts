import { Command, CommanderError } from 'commander'
import { inertPlain as inert, IdentifierError } from '../../core/index.ts'
import { AppError, InvariantError } from '../../flows/app-error.ts'
import { addAnchorCommands } from './anchor-commands.ts'
import { addApprovalCommands } from './approval-commands.ts'
import { appErrorWords } from './app-error-words.ts'
import { addAuditCommands } from './audit-commands.ts'
import { addAuditExportCommand } from './audit-export-command.ts'
import { addAuditSearchCommand } from './audit-search-command.ts'
import { addDbCommands } from './db-commands.ts'
import { addDeliveriesCommands } from './deliveries-commands.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { addEvidenceCommands } from './evidence-commands.ts'
import { addExplainCommand } from './explain-command.ts'
import { addInitCommand } from './init-command.ts'
import { addLogCommands } from './log-commands.ts'
import type { CliNeeds } from './needs.ts'
import { addPolicyCommands } from './policy-commands.ts'
import { addReleaseCommands } from './release-commands.ts'
import { addRegenesisCommand } from './regenesis-command.ts'
import { addRepoCommands } from './repo-commands.ts'
import { addServerCommands } from './server-commands.ts'
import { Refusal, UsageError } from './refusal.ts'
import { addVerifyRepoCommand } from './verify-repo-command.ts'
import { addTrustCommands } from './trust-commands.ts'
import { addVerifyEvidenceCommand } from './verify-evidence-command.ts'
import { addVerifyLogCommand } from './verify-log-command.ts'
import { addVerifierCommands } from './verifier-commands.ts'
import { addVsaCommands } from './vsa-commands.ts'
import { addWitnessCommands } from './witness-commands.ts'
import { addVerifyExportCommand } from './verify-export-command.ts'
import { printJson } from './terminal.ts'

/** The tree of all commands, and how the one that ran ended. */
export interface Program {
  readonly command: Command
  readonly ended: () => ExitCode
}

/** Builds the tree of commands. Nothing runs before `parseAsync`. */
export function createProgram(needs: CliNeeds): Program {
  let ended: ExitCode = exitCode.good
  const finish = (code: ExitCode): void => {
    ended = code
  }
  const program = new Command('governance')
    .description('Decides whether a change may be merged into a governed repository, and proves it.')
    .version(needs.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureOutput({
      writeOut: (text) => needs.terminal.out(text),
      writeErr: (text) => needs.terminal.err(text),
    })
    .exitOverride()
  addInitCommand(program, needs)
  addRegenesisCommand(addPolicyCommands(program, needs, finish), needs)
  addApprovalCommands(program, needs, finish)
  addRepoCommands(program, needs, finish)
  addServerCommands(program, needs, finish)
  addDoctorCommand(program, needs, finish)
  addExplainCommand(program, needs, finish)
  addDeliveriesCommands(program, needs)
  addDbCommands(program, needs, finish)
  addLogCommands(program, needs, finish)
  addWitnessCommands(program, needs)
  addEvidenceCommands(program, needs)
  addTrustCommands(program, needs)
  const verify = program.command('verify').description('judge what a log recorded, without believing whoever runs it')
  addVerifyEvidenceCommand(verify, needs, finish)
  addVerifyLogCommand(verify, needs, finish)
  addVerifyRepoCommand(verify, needs, finish)
  addVerifyExportCommand(verify, needs, finish)
  addVerifierCommands(program, needs)
  addVsaCommands(program, needs)
  addReleaseCommands(program, needs, finish)
  addAnchorCommands(program, needs, finish)
  const audit = addAuditCommands(program, needs)
  addAuditSearchCommand(audit, needs)
  addAuditExportCommand(audit, needs)
  inherit(program)
  return { command: program, ended: () => ended }
}

/** Commands made by `command()` copy their parent's settings; those that are added later need the same. */
function inherit(parent: Command): void {
  for (const child of parent.commands) {
    child.copyInheritedSettings(parent)
    inherit(child)
  }
}

/**
 * Runs one command line and says what to exit with. Nothing is thrown: what the world refused is told with what to do,
 * what was our mistake is told as such.
 */
export async function runCommandLine(argv: readonly string[], needs: CliNeeds): Promise<ExitCode> {
  const program = createProgram(needs)
  try {
    await program.command.parseAsync([...argv], { from: 'user' })
    return program.ended()
  } catch (error) {
    return tell(error, needs, argv.includes('--json'))
  }
}

function tell(error: unknown, { terminal }: CliNeeds, asJson: boolean): ExitCode {
  if (error instanceof CommanderError) {
    // Help and version are answers; everything else of commander's is a command line that cannot be understood.
    if (error.exitCode === 0) return exitCode.good
    return exitCode.usage
  }
  if (error instanceof UsageError) {
    for (const problem of error.problems) terminal.err(`governance: ${inert(problem)}\n`)
    terminal.err('Run it with --help to see what it takes.\n')
    return exitCode.usage
  }
  const told = toldRefusal(error)
  if (asJson) printJson(terminal, { ok: false, code: told.code, message: told.message, ...told.data })
  terminal.err(`governance: ${inert(told.message)} (${told.code})\n`)
  if (told.remedy !== null)
    terminal.err(
      told.remedy
        .split('\n')
        .map((line) => `${inert(line)}\n`)
        .join(''),
    )
  return told.exit
}

function toldRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof AppError) {
    const { exit, remedy } = appErrorWords[error.code]
    return new Refusal(error.code, error.message, { exit, remedy, data: { data: error.data } })
  }
  if (error instanceof IdentifierError) return new Refusal('malformed', error.message, { exit: exitCode.unknown })
  // Ours. The frames help whoever mends it; a message may quote a value, so only our own claims are told (T59).
  const { name, stack, message } = error instanceof Error ? error : new Error('unknown')
  const frames = (stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const claim = error instanceof InvariantError ? `: ${message}` : ''
  return new Refusal('internal', `a mistake of this program: ${name}${claim}`, {
    exit: exitCode.unknown,
    remedy: ['Report it with these lines:', ...frames].join('\n'),
  })
}
