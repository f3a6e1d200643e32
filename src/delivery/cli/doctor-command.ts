import type { Command } from 'commander'
import { inertPlain as inert, isJsonObject, lintPolicy, parseJsonStrict } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import { rulesetFor } from '../../flows/gate/enrol.ts'
import { logKeyName } from '../../flows/gate/log-key-name.ts'
import { securityKeyName } from '../../flows/gate/recorder.ts'
import type { CopyStanding } from '../../flows/record/copy-standing.ts'
import { hasPrivateRepository, readersOf } from '../../flows/record/log-readers.ts'
import { excessOf, lackOf } from './app-permissions.ts'
import { appErrorWords } from './app-error-words.ts'
import { exitCode } from './exit-code.ts'
import type { CheckResult, CliNeeds, Deployment } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal } from './refusal.ts'
import { livenessOf } from './server-commands.ts'
import { aligned, counted, printJson } from './terminal.ts'

const driftFailMs = 60_000
const driftWarnMs = 5_000
const reachTimeoutMs = 10_000

type Verdict = Omit<CheckResult, 'name'>

const ok = (message: string): Verdict => ({ outcome: 'ok', message, remedy: null })
const warn = (message: string, remedy: string): Verdict => ({ outcome: 'warn', message, remedy })
const fail = (message: string, remedy: string): Verdict => ({ outcome: 'fail', message, remedy })
const unknown = (message: string, remedy: string): Verdict => ({ outcome: 'unknown', message, remedy })

/** What a check that threw means: the world refused, so nobody knows; a refusal of custody or store is an answer. */
function refusalOf(error: unknown): Verdict {
  if (error instanceof AppError) {
    const { remedy } = appErrorWords[error.code]
    const isAnswer = !error.code.startsWith('forge-') || error.code === 'forge-forbidden'
    return isAnswer
      ? fail(`${error.message} (${error.code})`, remedy)
      : unknown(`${error.message} (${error.code})`, remedy)
  }
  if (error instanceof Refusal) return fail(error.message, error.remedy ?? '')
  return unknown(error instanceof Error ? error.message : 'unknown', 'Report this: it is a mistake of this program.')
}

/** Runs checks one after the other; each says its own name and never stops the next. */
class Examination {
  readonly results: CheckResult[] = []

  async check(name: string, run: () => Promise<Verdict | readonly Verdict[]>): Promise<void> {
    try {
      const found = await run()
      for (const one of Array.isArray(found) ? (found as readonly Verdict[]) : [found as Verdict])
        this.results.push({ name, ...one })
    } catch (error) {
      this.results.push({ name, ...refusalOf(error) })
    }
  }
}

async function examineApp(needs: CliNeeds, { forge, settings }: Deployment): Promise<readonly Verdict[]> {
  const { admin } = forge
  const app = await admin.app()
  const drift = Math.abs(needs.clock.now() - app.forgeDate)
  const { permissions, wanted } = needs.manifest
  const excess = excessOf(app.permissions, { ...permissions, ...wanted })
  const lack = lackOf(app.permissions, permissions)
  const missed = lackOf(app.permissions, wanted)
  return [
    app.id === settings.github.appId
      ? ok(`${app.slug} (${app.id}) at ${settings.github.apiUrl}`)
      : fail(`the key is of App ${app.id}, not ${settings.github.appId}`, 'Correct github.app_id or the private key.'),
    excess.length > 0
      ? fail(`the App may do more than it needs: ${excess.join(', ')}`, 'Take these permissions away at the forge.')
      : lack.length > 0
        ? fail(`the App lacks ${lack.join(', ')}`, 'Grant them at the forge, and accept them for each installation.')
        : missed.length > 0
          ? warn(
              `the App lacks ${missed.join(', ')}: commands in comments are found within minutes instead of at once`,
              'Grant it at the forge, accept it for each installation, and subscribe to issue_comment.',
            )
          : ok('permissions are exactly what is needed'),
    drift > driftFailMs
      ? fail(
          `the clock differs from the forge's by ${drift} ms`,
          'Set the clock of this machine (NTP): nothing is decided until then.',
        )
      : drift > driftWarnMs
        ? warn(`the clock differs from the forge's by ${drift} ms`, 'Look at the time synchronisation of this machine.')
        : ok(`the clock agrees with the forge's (${drift} ms)`),
  ]
}

async function examineRulesets({ forge, settings, store }: Deployment): Promise<readonly Verdict[]> {
  const repositories = (await store.registry.repositories()).filter(({ active }) => active)
  if (repositories.length === 0) return [warn('no repository is enrolled', 'governance repo enrol OWNER/NAME')]
  const found: Verdict[] = []
  for (const repository of repositories)
    for (const { ref } of repository.branches) {
      const name = `${repository.name}@${ref}`
      const id = await forge.admin.findRuleset(repository, rulesetFor(ref, settings.github.appId))
      found.push(
        id === null
          ? fail(`${name} has no ruleset that requires our check`, `governance repo enrol ${repository.name} --apply`)
          : ok(`${name}: ruleset ${id}`),
      )
    }
  return found
}

async function examineSecrets(deployment: Deployment): Promise<readonly Verdict[]> {
  const { custody, settings } = deployment
  const wanted = [
    'database',
    logKeyName,
    securityKeyName,
    'nonce',
    'salt',
    settings.github.privateKey.keystore,
    ...settings.github.webhookSecrets.map(({ keystore }) => keystore),
    ...(settings.log.token === undefined ? [] : [settings.log.token.keystore]),
    ...(settings.log.offHost?.privateKey === undefined ? [] : [settings.log.offHost.privateKey.keystore]),
  ]
  const held = await custody.names()
  const missing = wanted.filter((name) => !held.includes(name))
  if (missing.length === 1 && missing[0] === securityKeyName)
    return [
      fail(
        'the keystore holds no key for the security log: this deployment was made by an older version',
        'Stop the server and run `governance db migrate`: it makes the key.',
      ),
    ]
  if (missing.length > 0)
    return [fail(`the keystore lacks ${missing.join(', ')}`, 'Restore the keystore from its backup.')]
  await deployment.webhooks()
  return [ok(`opens, holds ${wanted.join(', ')}`), ok('the webhook secret is usable')]
}

async function examineGenesis({ settings, store }: Deployment): Promise<Verdict> {
  const [newest] = [
    ...(await store.log.find({ type: 'policy-regenesis', limit: 1 })),
    ...(await store.log.find({ type: 'genesis', limit: 1 })),
  ]
  const parsed = newest === undefined ? null : parseJsonStrict(newest.bytes, { maxBytes: 65_535, maxDepth: 16 })
  const data = parsed?.ok && isJsonObject(parsed.value) ? parsed.value.data : undefined
  const policy = isJsonObject(data) ? data.policy : undefined
  return policy === settings.policy.genesis
    ? ok(`sha256:${settings.policy.genesis}`)
    : fail(
        'policy.genesis is not what the log holds',
        'Restore configuration and data directory of the same deployment.',
      )
}

async function examineReaders({ settings, store }: Deployment): Promise<Verdict> {
  const { access = 'public', token } = settings.log
  const isPrivate = await hasPrivateRepository(store.registry)
  const readers = readersOf({ access, hasToken: token !== undefined }, isPrivate)
  if (readers === 'anybody') return ok('anybody may read the files of the log')
  if (readers === 'nobody')
    return fail(
      'a private repository is governed, so the log is not public; without a token nobody can read it',
      'Write access = "token" and token = { keystore = "log-token" } into [log], then run `governance log token`.',
    )
  return access === 'token'
    ? ok('the files of the log are read with the token')
    : warn(
        'a private repository is governed: the files of the log are read with the token, although access says "public"',
        'Write access = "token" into [log], so that the configuration says what holds.',
      )
}

async function examineOffHost({ offHost }: Deployment): Promise<readonly Verdict[]> {
  if (offHost === null)
    return [
      warn(
        'none: a rollback of this machine as a whole is not seen, and the log ends with it',
        'Name a second place as off_host in the table [log] of the configuration.',
      ),
    ]
  return (await offHost.standings()).map(examineCopy)
}

function examineCopy({ place, state }: CopyStanding): Verdict {
  switch (state?.kind) {
    case undefined:
      return fail(`${place} cannot be reached`, appErrorWords['log-files-unavailable'].remedy)
    case 'behind':
      return ok(`${place} holds a head of this log over ${state.size} entries`)
    case 'empty':
      return fail(`${place} is empty`, 'Mount it; if it is new: governance log off-host prepare')
    case 'ahead':
      return fail(`${place} holds ${state.size} entries, more than the database`, appErrorWords['log-ahead'].remedy)
    case 'inconsistent':
      return fail(`${place} holds another history of this log`, appErrorWords['log-file-differs'].remedy)
    case 'foreign':
      return fail(`${place} holds no checkpoint of this log (${state.code})`, appErrorWords['log-file-differs'].remedy)
  }
}

async function examinePolicy(needs: CliNeeds, { store }: Deployment): Promise<Verdict> {
  const record = await store.registry.policyInForce()
  if (record === null) return fail('no policy is in force', 'Run `governance init`.')
  const errors = lintPolicy(record.policy, { at: needs.clock.now() }).filter(
    ({ severity, code }) => severity === 'error' && code !== 'account-missing',
  )
  const name = `epoch ${record.epoch}, sha256:${record.digest}`
  return errors.length === 0
    ? ok(name)
    : warn(
        `${name}: ${counted(errors.length, 'error')} (${[...new Set(errors.map(({ code }) => code))].join(', ')})`,
        'Correct them by a layer-0 change; `governance policy lint --config FILE` lists them.',
      )
}

async function examineReach({ settings }: Deployment): Promise<readonly Verdict[]> {
  const liveness = await livenessOf(settings)
  const local =
    liveness === 'ready'
      ? ok('the server is ready')
      : liveness === 'not-ready'
        ? fail('the server answers, but is not ready', '`governance status` and the log of the server say why.')
        : warn('no server answers on the configured address', 'governance serve')
  try {
    const url = `${settings.http.publicUrl}/healthz`
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(reachTimeoutMs) })
    await response.body?.cancel()
    if (response.ok) return [local, ok(`${settings.http.publicUrl} is reachable from here`)]
    return [local, warn(`${url} answers ${response.status}`, 'Check the proxy before the server.')]
  } catch {
    return [
      local,
      unknown(
        `${settings.http.publicUrl} cannot be reached from here`,
        'Check name, certificate and proxy; the forge must reach it.',
      ),
    ]
  }
}

/** Records the examination itself; that it can be recorded is a check of its own. */
async function noteRun(deployment: Deployment, results: readonly CheckResult[]): Promise<Verdict> {
  const count = (wanted: CheckResult['outcome']): number => results.filter(({ outcome }) => outcome === wanted).length
  const details = { failed: count('fail'), warned: count('warn'), unknown: count('unknown') }
  const result = details.failed > 0 ? 'error' : 'success'
  const userId = deployment.operator
  await deployment.note([eventOf('doctor-run', { userId, resource: 'deployment', action: 'examine', result, details })])
  return ok('takes events; this examination is one of them')
}

async function examine(needs: CliNeeds, configFile: string): Promise<readonly CheckResult[]> {
  const examination = new Examination()
  examination.results.push(...needs.examineFiles(configFile))
  if (examination.results.some(({ name, outcome }) => name === 'configuration' && outcome === 'fail'))
    return examination.results
  let deployment: Deployment | null = null
  await examination.check('store', async () => {
    deployment = await needs.openDeployment(configFile, 'read')
    return ok(`opens, schema ${deployment.store.schemaVersion}`)
  })
  const opened = deployment as Deployment | null
  if (opened === null) return examination.results
  try {
    await examination.check('keystore', () => examineSecrets(opened))
    await examination.check('genesis', () => examineGenesis(opened))
    await examination.check('off-host copy', () => examineOffHost(opened))
    await examination.check('log readers', () => examineReaders(opened))
    await examination.check('policy', () => examinePolicy(needs, opened))
    await examination.check('forge', () => examineApp(needs, opened))
    await examination.check('rulesets', () => examineRulesets(opened))
    await examination.check('reachability', () => examineReach(opened))
    await examination.check('security log', () => noteRun(opened, examination.results))
    return examination.results
  } finally {
    await opened.close()
  }
}

/** `governance doctor`: every line ok, warn, fail or unknown, with what to do; ends with 1 on any fail, 2 on any unknown. */
export function addDoctorCommand(program: Command, needs: CliNeeds, finish: Finish): void {
  program
    .command('doctor')
    .description(
      'check configuration, files, keys, off-host copy, App, clock, policy, rulesets and reachability, each with a remedy',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async (options: { readonly config: string; readonly json?: true }) => {
      const results = await examine(needs, options.config)
      const has = (outcome: CheckResult['outcome']): boolean => results.some((result) => result.outcome === outcome)
      finish(has('fail') ? exitCode.notGood : has('unknown') ? exitCode.unknown : exitCode.good)
      if (options.json) return printJson(needs.terminal, { ok: !has('fail') && !has('unknown'), checks: results })
      const lines = aligned(results.map(({ outcome, name, message }) => [outcome, name, inert(message)])).split('\n')
      needs.terminal.out(
        results
          .map(
            ({ remedy }, index) =>
              `${lines[index] ?? ''}\n${remedy === null || remedy === '' ? '' : `      ${inert(remedy)}\n`}`,
          )
          .join(''),
      )
    })
}
