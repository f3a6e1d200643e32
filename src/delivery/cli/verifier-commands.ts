import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { encodeUtf8, inertPlain as inert, sha256Hex } from '../../core/index.ts'
import { readDecisions } from '../../flows/record/read-decisions.ts'
import { newestVerifier, verifierEntryType, type VerifierRelease } from '../../flows/record/verifier-release.ts'
import { exitCode } from './exit-code.ts'
import { type LogReadingOptions, sourceOf, trustOf, withLogReading } from './log-reading.ts'
import type { CliNeeds } from './needs.ts'
import { requireAbsent, writeNewFile } from './new-file.ts'
import { Refusal } from './refusal.ts'
import { printJson } from './terminal.ts'
import { faultText } from './verify-log-command.ts'

const sumsName = 'SHA256SUMS'

/** As `sha256sum --check` reads them. */
const sumsOf = ({ files }: VerifierRelease): string =>
  Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .join('')

/** A built file that is what this software says it carries. @throws Refusal verifier-not-built, verifier-differs */
function builtFile(needs: CliNeeds, name: string, digest: string): Uint8Array {
  const bytes = needs.verifier.file(name)
  if (bytes === null)
    throw new Refusal('verifier-not-built', `${name} is not built here`, {
      exit: exitCode.unknown,
      remedy: 'The installed package has it; in a clone, run `npm run build` first.',
    })
  if (sha256Hex(bytes) === digest) return bytes
  throw new Refusal('verifier-differs', `${name} is not the file that this software carries; nothing was written`, {
    remedy: 'Install the package anew; in a clone, run `npm run build` again.',
  })
}

function exportAction(needs: CliNeeds, { out, json }: { readonly out: string; readonly json?: true }): void {
  const release = needs.verifier.release()
  const files = Object.entries(release.files).map(([name, digest]) => ({ name, bytes: builtFile(needs, name, digest) }))
  const all = [...files, { name: sumsName, bytes: encodeUtf8(sumsOf(release)) }]
  mkdirSync(out, { recursive: true })
  for (const { name } of all) requireAbsent(join(out, name))
  for (const { name, bytes } of all) writeNewFile(join(out, name), bytes)
  if (json) return printJson(needs.terminal, { ...release, folder: out })
  needs.terminal.out(sumsOf(release))
  needs.terminal.err(`${inert(out)}: the verifier of version ${inert(release.version)}\n`)
}

interface DigestsOptions extends LogReadingOptions {
  readonly log: string
  readonly json?: true
}

async function digestsAction(needs: CliNeeds, options: DigestsOptions): Promise<void> {
  const { terminal, acceleration } = needs
  const trust = trustOf(options)
  const read = await readDecisions(sourceOf(needs, options.log, options.tokenFile), trust, {
    isWanted: (type) => type === verifierEntryType,
    acceleration,
  })
  if (!read.ok)
    throw new Refusal(read.fault.code, `the log is not believed: ${faultText(read.fault)}`, {
      remedy: '`governance verify log` says all that is wrong with it.',
    })
  const newest = newestVerifier(read.value.entries)
  if (newest === null)
    throw new Refusal('verifier-not-recorded', 'the log tells of no verifier', {
      exit: exitCode.unknown,
      remedy: 'Its server is of an older version, or has not started since; build the verifier yourself.',
    })
  const { index, release } = newest
  if (options.json) return printJson(terminal, { ...release, entry: index, size: read.value.checkpoint.size })
  terminal.out(sumsOf(release))
  terminal.err(`verifier of version ${inert(release.version)}, entry ${index} of ${inert(trust.origin)}\n`)
}

/** `governance verifier export|digests`: the offline verifier as a file, and what the log says of it. */
export function addVerifierCommands(program: Command, needs: CliNeeds): void {
  const verifier = program.command('verifier').description('the offline verifier: one file for Node, one page')
  verifier
    .command('export')
    .description('write verify.mjs and verify.html of this version, and their digests')
    .requiredOption('--out <DIR>', 'folder to write to; nothing in it is overwritten')
    .option('--json', 'one JSON value for machines')
    .action((options: { readonly out: string; readonly json?: true }) => exportAction(needs, options))
  withLogReading(
    verifier
      .command('digests')
      .description('print the digests of the verifier that a log tells of, for sha256sum --check')
      .requiredOption('--log <PLACE>', 'address of the log, or a directory that holds its files'),
  )
    .option('--json', 'one JSON value for machines')
    .action(async (options: DigestsOptions) => digestsAction(needs, options))
}
