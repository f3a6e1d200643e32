import type { Command } from 'commander'
import {
  factsOfEvidence,
  inertPlain as inert,
  maxEvidenceBytes,
  quorumTime,
  type Report,
  type VerifyContext,
  verifyEvidence,
} from '../../core/index.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { readRecordFile } from './record-file.ts'
import { aligned, printJson } from './terminal.ts'
import { trustFrom } from './trust-commands.ts'

interface EvidenceOptions {
  readonly trust?: string
  readonly clone?: string
  readonly acceptConsistent?: true
  readonly json?: true
}

const words: Readonly<Record<Report['verdict'], string>> = {
  verified: 'verified: trusted keys, everything recomputed, facts recomputed from git',
  consistent: 'consistent: trusted keys, and nothing contradicts itself; what was skipped is the operator’s word',
  untrusted: 'untrusted: nothing contradicts itself, and nobody said whom to believe (--trust)',
  invalid: 'invalid: do not believe this evidence',
}

/** `--accept-consistent` is for who has no clone: behind what was erased, anything could have stood. */
function exitOf({ verdict, checks }: Report, acceptConsistent: boolean): ExitCode {
  const isAccepted = acceptConsistent && !checks.some(({ code }) => code === 'blob-erased')
  const isGood = verdict === 'verified' || (isAccepted && verdict === 'consistent')
  return isGood ? exitCode.good : exitCode.notGood
}

/** What a clone says about the facts; null where none was handed in. */
async function cloneCheckOf(
  needs: CliNeeds,
  bytes: Uint8Array,
  clone: string | undefined,
): Promise<VerifyContext['cloneCheck']> {
  if (clone === undefined) return null
  const facts = factsOfEvidence(bytes, needs.acceleration)
  return facts === null ? null : needs.contradictionsInClone(clone, facts)
}

async function evidenceAction(needs: CliNeeds, finish: Finish, file: string, options: EvidenceOptions): Promise<void> {
  const { terminal, acceleration } = needs
  const bytes = readRecordFile(file, maxEvidenceBytes)
  const trusted = options.trust === undefined ? null : trustFrom(options.trust)
  const report = verifyEvidence(bytes, {
    trust: trusted?.trust ?? null,
    cloneCheck: await cloneCheckOf(needs, bytes, options.clone),
    quorumTime,
    acceleration,
  })
  finish(exitOf(report, options.acceptConsistent === true))
  if (options.json) return printJson(terminal, { ...report, fingerprint: trusted?.fingerprint ?? null })
  terminal.out(
    aligned(
      report.checks.map(({ check, outcome, code, detail }) => [
        outcome,
        check,
        [code, detail]
          .filter((part) => part != null)
          .map((part) => inert(part))
          .join(' '),
      ]),
    ),
  )
  terminal.out(`\n${words[report.verdict]}\n`)
  if (trusted !== null) terminal.out(`trust file: ${trusted.fingerprint}\n`)
}

/** `governance verify evidence`: judges one verdict anew, without believing whoever recorded it. */
export function addVerifyEvidenceCommand(verify: Command, needs: CliNeeds, finish: Finish): void {
  verify
    .command('evidence <FILE>')
    .description('judge a verdict anew from its evidence; ends with 0 only when it is verified')
    .option('--trust <FILE>', 'trust file: whom to believe')
    .option('--clone <DIR>', 'clone of the repository: the facts are recomputed from its objects')
    .option('--accept-consistent', 'end with 0 also when the facts were not recomputed; never where a value was erased')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: EvidenceOptions) => evidenceAction(needs, finish, file, options))
}
