import type { Command } from 'commander'
import { setTimeout } from 'node:timers/promises'
import { policyDigest } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { planGenesis } from '../../flows/gate/genesis.ts'
import { excessOf } from './app-permissions.ts'
import { exitCode } from './exit-code.ts'
import { policyRefusal, showPlan } from './genesis-plan.ts'
import { makeApp, type MadeApp } from './manifest-flow.ts'
import type { CliNeeds, Draft } from './needs.ts'
import { isRepositoryName, readPolicyDirectory } from './policy-source.ts'
import { confirmed, valuesOf } from './prompts.ts'
import { Refusal, UsageError } from './refusal.ts'
import { isOpenToOthers, readImportedSecret } from './secret-file.ts'
import { aligned, printJson } from './terminal.ts'

interface InitOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly apiUrl?: string
  readonly appId?: string
  readonly privateKeyFile?: string
  readonly webhookSecretFile?: string
  readonly governanceRepo?: string
  readonly policyDir?: string
  readonly publicUrl?: string
  readonly origin?: string
  readonly branch?: string
  readonly listen: string
  readonly github?: true
  readonly manual?: true
  readonly appName: string
  readonly organization?: string
  readonly yes?: true
  readonly json?: true
}

const questions = {
  config: { flag: '--config <FILE>', question: 'Where should governance.toml be written?', initial: 'governance.toml' },
  dataDir: { flag: '--data-dir <DIR>', question: 'Data directory', initial: '/var/lib/governance' },
  apiUrl: { flag: '--api-url <URL>', question: "Address of the forge's API", initial: 'https://api.github.com' },
  governanceRepo: { flag: '--governance-repo <OWNER/NAME>', question: 'Governance repository (owner/name)' },
  publicUrl: { flag: '--public-url <URL>', question: 'Public address of this server', initial: 'https://' },
  origin: { flag: '--origin <NAME>', question: 'Name of the decision log (host/path, never changes again)' },
} as const

const appQuestions = {
  appId: { flag: '--app-id <N>', question: 'Numeric id of the GitHub App' },
  privateKeyFile: { flag: '--private-key-file <FILE>', question: "File with the App's private key (PEM)" },
  webhookSecretFile: { flag: '--webhook-secret-file <FILE>', question: 'File with the webhook secret' },
} as const

/** Faults of the checkout are told before anything is made at the forge. */
function requireUsable(needs: CliNeeds, governanceRepository: string, files: ReadonlyMap<string, Uint8Array>): void {
  const { blocking } = needs.policyFiles.read({ governanceRepository, files, isGenesis: true })
  if (blocking.length > 0) throw policyRefusal(needs, blocking)
}

const installationPolls = 200
const installationPollMs = 3_000

/** Waits until the App can see the governance repository: its secrets are told once and must not be lost by hurry. */
async function installed(draft: Draft, repository: string): Promise<void> {
  for (let poll = 0; ; poll++) {
    try {
      await draft.forge.admin.resolve(repository)
      return
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'forge-not-found' || poll >= installationPolls) throw error
    }
    await setTimeout(installationPollMs)
  }
}

function appOfFiles(needs: CliNeeds, given: Readonly<Record<keyof typeof appQuestions, string>>): MadeApp {
  if (!/^[1-9]\d{0,15}$/.test(given.appId)) throw new UsageError('--app-id is a number')
  for (const file of [given.privateKeyFile, given.webhookSecretFile])
    if (isOpenToOthers(file)) needs.terminal.err(`warning: ${file} can be read by others on this machine\n`)
  const secret = readImportedSecret(given.webhookSecretFile)
  let end = secret.length
  while (end > 0 && (secret[end - 1] === 0x0a || secret[end - 1] === 0x0d)) end--
  return {
    appId: Number(given.appId),
    pem: Buffer.from(readImportedSecret(given.privateKeyFile)).toString('utf8'),
    webhookSecret: secret.subarray(0, end),
  }
}

/** The App must be the configured one; more permissions than needed are told, `doctor` fails on them. */
async function checkApp(needs: CliNeeds, draft: Draft, appId: number): Promise<void> {
  const app = await draft.forge.admin.app()
  if (app.id !== appId)
    throw new Refusal('wrong-app', `the private key is of App ${app.id}, not of ${appId}`, {
      exit: exitCode.unknown,
      remedy: 'Check --app-id and --private-key-file.',
    })
  for (const excess of excessOf(app.permissions, needs.manifest.permissions))
    needs.terminal.err(`warning: the App has ${excess}, which it does not need; take it away at the forge\n`)
}

async function initAction(needs: CliNeeds, options: InitOptions): Promise<void> {
  const { terminal } = needs
  const yes = options.yes === true
  const all = options.github === true ? questions : { ...questions, ...appQuestions }
  type Named = keyof typeof questions | keyof typeof appQuestions
  const given: Partial<Record<Named, string>> = options
  const values: Record<Named, string> = await valuesOf(
    terminal,
    given as Record<Named, string | undefined>,
    all as never,
    yes,
  )
  if (!isRepositoryName(values.governanceRepo))
    throw new UsageError(`--governance-repo ${values.governanceRepo} is not OWNER/NAME`)
  const expected = options.policyDir === undefined ? null : readPolicyDirectory(options.policyDir)
  if (expected !== null) requireUsable(needs, values.governanceRepo, expected)
  const app =
    options.github === true
      ? await makeApp(needs, {
          apiUrl: values.apiUrl,
          publicUrl: values.publicUrl,
          name: options.appName,
          organization: options.organization ?? null,
          isManual: options.manual === true,
        })
      : appOfFiles(needs, values)

  const draft = await needs.draftDeployment({
    configFile: values.config,
    dataDirectory: values.dataDir,
    listen: options.listen,
    publicUrl: values.publicUrl,
    origin: values.origin,
    apiUrl: values.apiUrl,
    appId: app.appId,
    privateKeyPem: app.pem,
    webhookSecret: app.webhookSecret,
  })
  await checkApp(needs, draft, app.appId)
  if (options.github === true) await installed(draft, values.governanceRepo)
  const branch = options.branch ?? (await draft.forge.admin.resolve(values.governanceRepo)).defaultBranch
  const planned = await planGenesis(
    { ...draft.forge, policyFiles: needs.policyFiles, acceleration: needs.acceleration },
    { governanceRepository: values.governanceRepo, branch, expected, at: needs.clock.now() },
  )
  if (!planned.ok) throw policyRefusal(needs, planned.faults)
  const { plan } = planned
  showPlan(needs, plan, 'The first policy')
  await confirmed(terminal, 'Pin this policy and these accounts as the beginning of the log?', yes)
  const { logKey, createdKeyFile } = await draft.create(plan)
  const genesis = `sha256:${policyDigest(plan.policy)}`
  if (options.json)
    printJson(terminal, { config: values.config, dataDirectory: values.dataDir, genesis, logKey, createdKeyFile })
  else {
    terminal.out(
      aligned([
        ['configuration', values.config],
        ['data', values.dataDir],
        ['genesis', genesis],
        ['log key', logKey],
      ]),
    )
    if (createdKeyFile !== null)
      terminal.out(
        `\nThe key in ${createdKeyFile} unlocks everything. Keep a copy elsewhere: without it all of this is lost.\n`,
      )
    terminal.out(
      `\nNext: governance repo enrol OWNER/NAME --config ${values.config} --apply, then governance serve --config ${values.config}\n`,
    )
  }
}

/** `governance init`: makes a deployment, once. */
export function addInitCommand(program: Command, needs: CliNeeds): void {
  program
    .command('init')
    .description('make a deployment: keys, database, configuration, and the first policy pinned in the log')
    .option('--config <FILE>', 'where governance.toml is written')
    .option('--data-dir <DIR>', 'data directory, made with mode 0700')
    .option('--api-url <URL>', "the forge's API: https://api.github.com, or https://HOST/api/v3")
    .option('--app-id <N>', 'numeric id of the GitHub App')
    .option('--private-key-file <FILE>', "the App's private key in PEM")
    .option('--webhook-secret-file <FILE>', 'the webhook secret, at least 32 bytes')
    .option('--governance-repo <OWNER/NAME>', 'the governance repository')
    .option('--policy-dir <DIR>', 'your checkout of it: must equal what the branch holds')
    .option('--branch <NAME>', 'the branch that counts (default: the default branch)')
    .option('--public-url <URL>', 'where the forge and maintainers reach this server')
    .option('--origin <NAME>', 'name of the decision log, host/path; never changes')
    .option('--listen <HOST:PORT>', 'address to listen on', '127.0.0.1:8080')
    .option('--github', 'make the GitHub App too: a page on this machine posts the manifest')
    .option('--manual', 'with --github on a machine without browser: print the page, take the code by paste')
    .option('--app-name <NAME>', 'with --github: name of the App', 'governance')
    .option('--organization <LOGIN>', 'with --github: organization that owns the App (default: your account)')
    .option('--yes', 'ask nothing')
    .option('--json', 'one JSON value for machines')
    .action(async (options: InitOptions) => initAction(needs, options))
}
