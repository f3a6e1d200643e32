import type { Command } from 'commander'
import { asInstant, formatInstant } from '../../core/index.ts'
import type { SigningRefused } from '../../flows/audit/signing-refusals.ts'
import type { CliNeeds, Deployment } from './needs.ts'
import { withDeployment } from './needs.ts'
import { exitCode } from './exit-code.ts'
import type { Finish } from './policy-commands.ts'
import { aligned, counted, printJson } from './terminal.ts'

const stopDeadlineMs = 20_000
const probeTimeoutMs = 5_000

/** Resolves with the signal that ends a server; whoever is told that it listens may send one at once. */
export const toldToStop = (): Promise<string> =>
  new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name))
  })

/** Runs until it is told to stop. A second signal ends the process at once. */
async function serveAction(needs: CliNeeds, options: { readonly config: string }): Promise<void> {
  const server = await needs.serve(options.config)
  const host = server.host.includes(':') ? `[${server.host}]` : server.host
  const told = toldToStop()
  needs.terminal.err(`governance listens on http://${host}:${server.port}\n`)
  const signal = await told
  needs.terminal.err(`${signal}: finishing what is begun\n`)
  await server.stop(stopDeadlineMs)
}

/** How the server answers on its own listener. */
export type Liveness = 'ready' | 'not-ready' | 'unreachable'

/** Asks the listener of this machine; port 0 and other hosts cannot be asked. */
export async function livenessOf({ http }: Deployment['settings']): Promise<Liveness> {
  const { host, port } = http.listen
  if (port === 0) return 'unreachable'
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  try {
    const response = await fetch(`http://${name.includes(':') ? `[${name}]` : name}:${port}/readyz`, {
      redirect: 'error',
      signal: AbortSignal.timeout(probeTimeoutMs),
    })
    await response.body?.cancel()
    return response.ok ? 'ready' : 'not-ready'
  } catch {
    return 'unreachable'
  }
}

/** The newest refusal to sign the log that is no entry yet. */
const refusedWords = ({ code, size, known, refusedAt }: SigningRefused): string =>
  `REFUSED (${code}) at ${formatInstant(asInstant(refusedAt))}: the store holds ${size} entries, ` +
  `the world outside ${known === null ? 'did not say' : String(known)}`

async function statusAction(
  needs: CliNeeds,
  options: { readonly config: string; readonly json?: true },
  finish: Finish,
): Promise<void> {
  await withDeployment(needs, options.config, 'read', async (deployment) => {
    const { settings, store, offHost } = deployment
    const hasQuorum = (await deployment.roster()) !== null
    const isUnwitnessed = offHost === null && !hasQuorum
    const outside = [
      ...(offHost === null ? [] : [`copied to ${offHost.name}`]),
      ...(hasQuorum ? ['witnessed'] : []),
      ...(isUnwitnessed ? ['unwitnessed'] : []),
    ].join(', ')
    const policy = await store.registry.policyInForce()
    const head = await store.log.head()
    const checkpoint = await store.log.checkpoint()
    const [jobs, deliveries] = [await store.jobs.counts(), await store.deliveries.counts()]
    const repositories = await store.registry.repositories()
    const unsettled = await store.changes.checks({ unsettled: true })
    const findings = await store.memory.findings(5)
    const refused = (await deployment.refusals()).at(-1)?.details ?? null
    const server = await livenessOf(settings)
    const isGood = server === 'ready' && jobs.dead === 0 && policy !== null && checkpoint?.size === head.size
    finish(isGood ? exitCode.good : exitCode.notGood)
    if (options.json) {
      printJson(needs.terminal, {
        ok: isGood,
        server,
        policy: policy && { epoch: policy.epoch, digest: policy.digest, commit: policy.commit, at: policy.at },
        log: {
          origin: settings.log.origin,
          size: head.size,
          checkpoint: checkpoint?.size ?? 0,
          at: head.at,
          unwitnessed: isUnwitnessed,
          offHost: offHost?.name ?? null,
          signingRefused: refused,
        },
        repositories: repositories.filter(({ active }) => active).length,
        jobs,
        deliveries,
        unsettledChecks: unsettled.length,
        findings,
      })
      return
    }
    needs.terminal.out(
      aligned([
        ['server', server],
        [
          'policy',
          policy === null ? 'NONE' : `epoch ${policy.epoch}, sha256:${policy.digest}, commit ${policy.commit}`,
        ],
        ['log', `${settings.log.origin}, ${head.size} entries, newest ${formatInstant(head.at)}, ${outside}`],
        [
          'checkpoint',
          checkpoint?.size === head.size ? `covers all` : `covers ${checkpoint?.size ?? 0} of ${head.size}`,
        ],
        ...(refused === null ? [] : [['signing', refusedWords(refused)]]),
        ['repositories', `${repositories.filter(({ active }) => active).length} active of ${repositories.length}`],
        ['jobs', `${jobs.queued} queued, ${jobs.dead} dead`],
        [
          'deliveries',
          `${deliveries.done} done, ${deliveries.queued} queued, ${deliveries.ignored} ignored, ${deliveries.dead} dead`,
        ],
        ['checks', unsettled.length === 0 ? 'all shown' : `${counted(unsettled.length, 'check')} not shown yet`],
        ...findings.map(({ code, at, entry }) => ['finding', `${code}, ${formatInstant(at)}, log entry ${entry}`]),
      ]),
    )
    if (server === 'unreachable')
      needs.terminal.out(`\nNo server answers. Next: governance serve --config ${options.config}\n`)
    if (jobs.dead > 0)
      needs.terminal.out(`\nLook at: governance deliveries list --state dead --config ${options.config}\n`)
  })
}

/** `governance serve` and `governance status`. */
export function addServerCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  program
    .command('serve')
    .description('take webhooks, judge, record, publish; until SIGTERM or SIGINT')
    .requiredOption('--config <FILE>', 'governance.toml')
    .action(async (options: { readonly config: string }) => serveAction(needs, options))
  program
    .command('status')
    .description('print what the deployment is doing; ends with 1 when something wants attention')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async (options: { readonly config: string; readonly json?: true }) => statusAction(needs, options, finish))
}
