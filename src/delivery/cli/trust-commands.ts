import type { Command } from 'commander'
import { inertPlain as inert, readTrustFile, sha256Hex, trustFingerprint } from '../../core/index.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import { exportTrust } from '../../flows/record/trust.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { writeNewFile } from './new-file.ts'
import { readRecordFile } from './record-file.ts'
import { Refusal } from './refusal.ts'
import { aligned, printJson, type Terminal } from './terminal.ts'

const maxTrustBytes = 65_536

/** Reads a trust file that somebody handed over. @throws Refusal trust-unreadable */
export function trustFrom(file: string) {
  const bytes = readRecordFile(file, maxTrustBytes)
  const read = readTrustFile(bytes)
  if (!read.ok)
    throw new Refusal(read.code, `${inert(file)} is no trust file${read.field === null ? '' : `: ${read.field}`}`, {
      remedy: 'Take it anew from whoever runs the log, and compare its fingerprint with somebody else’s.',
    })
  return { trust: read.trust, fingerprint: trustFingerprint(bytes) }
}

function show(terminal: Terminal, bytes: Uint8Array, json: boolean, more: { leftOut?: readonly string[] } = {}): void {
  const read = readTrustFile(bytes)
  if (!read.ok) return
  const { trust } = read
  const fingerprint = trustFingerprint(bytes)
  if (json) return printJson(terminal, { fingerprint, trust, ...more })
  terminal.out(
    aligned([
      ['log', trust.origin],
      ...trust.logKeys.map((key) => ['log key', key]),
      ['root', trust.root ?? 'none'],
      ...(trust.before ?? []).map(({ origin, root }) => ['goes on from', `${origin}, ended by ${root}`] as const),
      ['witnesses', trust.witnessPolicy === null ? 'none asked for' : 'by policy'],
      ['first policy', `sha256:${trust.genesisPolicy}`],
      ['fingerprint', fingerprint],
    ]),
  )
}

/** `governance trust export|show`: whom a stranger has to believe, and how two people compare it by voice. */
export function addTrustCommands(program: Command, needs: CliNeeds): void {
  const { terminal } = needs
  const trust = program.command('trust').description('whom verifiers of this log have to believe')
  trust
    .command('export')
    .description('write the trust file that verifiers of this log need, and print its fingerprint')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--out <FILE>', 'where to; standard output when left out')
    .option('--json', 'one JSON value for machines, with --out')
    .action(async (options: { readonly config: string; readonly out?: string; readonly json?: true }) =>
      withDeployment(needs, options.config, 'read', async (deployment) => {
        const { settings, store, operator } = deployment
        const { log, policy } = settings
        const roster = await deployment.roster()
        const text = log.witness?.quorum?.policy
        const witnesses = roster === null || text === undefined ? null : { text, roster }
        const known = { origin: log.origin, pinned: policy.genesis, witnesses }
        const { bytes, leftOut } = await exportTrust(store.log, known)
        const details = { trust: sha256Hex(bytes) }
        await deployment.note([
          eventOf('trust-exported', { userId: operator, resource: 'deployment', action: 'export', details }),
        ])
        for (const name of leftOut)
          terminal.err(`left out witness ${inert(name)}: this deployment runs it itself, and it counts to nobody\n`)
        if (options.out === undefined) {
          terminal.out(new TextDecoder().decode(bytes))
          terminal.err(`fingerprint ${trustFingerprint(bytes)}\n`)
          return
        }
        writeNewFile(options.out, bytes)
        show(terminal, bytes, options.json === true, { leftOut })
      }),
    )
  trust
    .command('show <FILE>')
    .description('print what a trust file says, with the fingerprint to compare by voice')
    .option('--json', 'one JSON value for machines')
    .action((file: string, options: { readonly json?: true }) => {
      trustFrom(file)
      show(terminal, readRecordFile(file, maxTrustBytes), options.json === true)
    })
}
