import type { Command } from 'commander'
import { dirname, join, resolve } from 'node:path'
import {
  artifactsDigest,
  asCommitId,
  encodeReleaseRequest,
  inertPlain as inert,
  isReleaseDecision,
  isReleaseTag,
  maxEvidenceBytes,
  quorumTime,
  releaseFileName,
  releaseRules,
  type ReleaseReport,
  requestFileName,
  sumsFileName,
  verifyRelease,
} from '../../core/index.ts'
import { judgeReleaseInLog, type ReleaseInLog } from '../../flows/release/release-in-log.ts'
import { signRelease, type SignedReleaseResult } from '../../flows/release/sign-release.ts'
import { challengeJson } from './approval-commands.ts'
import { fetchReleaseChallenge } from './challenge-fetch.ts'
import { readChallenge, releaseChallengeOf } from './challenge-file.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { requireAbsent, writeNewFile } from './new-file.ts'
import type { Finish } from './policy-commands.ts'
import { isRepositoryName } from './policy-source.ts'
import { refusedLog, sourceOf, tokenFileHelp, trustOf } from './log-reading.ts'
import { createPrivateFile } from './private-file.ts'
import { readRecordFile } from './record-file.ts'
import { Refusal, UsageError } from './refusal.ts'
import { artifactsInFolder, artifactsOfFiles, requestFrom, requireArtifacts, writeSums } from './release-files.ts'
import { statementText } from './statement-text.ts'
import { aligned, counted, printJson } from './terminal.ts'
import { trustFrom } from './trust-commands.ts'

interface PrepareOptions {
  readonly revision: string
  readonly tag: string
  readonly out?: string
  readonly json?: true
}

async function prepareAction(
  needs: CliNeeds,
  repository: string,
  files: readonly string[],
  options: PrepareOptions,
): Promise<void> {
  const { terminal, acceleration } = needs
  const problems = [
    ...(isRepositoryName(repository) ? [] : [`${repository} is not OWNER/REPO`]),
    ...(isReleaseTag(options.tag) ? [] : [`--tag ${options.tag} cannot name a release`]),
    ...(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(options.revision) ? [] : ['--revision is no full commit id']),
  ]
  if (problems.length > 0) throw new UsageError(...problems)
  const folder = dirname(resolve(files[0] ?? '.'))
  const out = options.out ?? join(folder, requestFileName)
  const artifacts = await artifactsOfFiles(files)
  const request = { repository, revision: asCommitId(options.revision), tag: options.tag, artifacts }
  requireAbsent(out)
  const sums = writeSums(folder, artifacts)
  writeNewFile(out, encodeReleaseRequest(request))
  const digest = artifactsDigest(artifacts, acceleration)
  if (options.json) return printJson(terminal, { request: out, sums, artifacts, digest })
  terminal.out(`${inert(out)}: ${counted(artifacts.length, 'artefact')} of ${inert(repository)} ${options.tag}\n`)
  terminal.out(`${sumsFileName} sha256:${digest}\n`)
}

interface ChallengeOptions {
  readonly server: string
  readonly maintainer: string
  readonly keyid?: string
  readonly decision: string
  readonly reason?: string
  readonly out?: string
  readonly json?: true
}

/** Fetches what a maintainer is to sign, and insists that it is about the request that the maintainer holds. */
async function challengeAction(needs: CliNeeds, file: string, options: ChallengeOptions): Promise<void> {
  const { terminal, acceleration } = needs
  const { repository, tag, revision, artifacts } = requestFrom(file)
  const digest = artifactsDigest(artifacts, acceleration)
  const { server, maintainer, keyid = null, decision, reason = null } = options
  if (!isReleaseDecision(decision)) throw new UsageError('--decision is approve, veto or withdraw')
  if (releaseRules[decision].carriesReason !== (reason !== null))
    throw new UsageError('--reason goes with a veto alone')
  const query = { maintainer, keyid, tag, revision, artifacts: digest, decision, reason }
  const read = releaseChallengeOf(readChallenge(await fetchReleaseChallenge(server, repository, query)))
  const { release, decision: answered, repository: named } = read.statement.predicate
  const isAsked =
    release.tag === tag &&
    release.revision === revision &&
    release.artifacts === digest &&
    answered === decision &&
    named.uri.toLowerCase().endsWith(`/${repository.toLowerCase()}`)
  if (!isAsked)
    throw new Refusal('challenge-contradicts-itself', 'the server answered about another release than was asked for')
  if (options.out !== undefined) createPrivateFile(options.out, `${JSON.stringify(challengeJson(read), null, 2)}\n`)
  if (options.json) return printJson(terminal, challengeJson(read))
  terminal.out(statementText(read.statement))
  if (options.out !== undefined)
    return terminal.out(
      `\nWritten to ${inert(options.out)}. Sign it: governance approval sign --challenge ${inert(options.out)} --key FILE\n`,
    )
  terminal.out(`\nTo sign with openssl alone, in the folder of your own artefacts and ${sumsFileName}:\n\n`)
  terminal.out(read.commands.map((line) => `${inert(line)}\n`).join(''))
}

interface SignOptions {
  readonly config: string
  readonly dir?: string
  readonly out?: string
  readonly envelope?: string
  readonly json?: true
}

type Unsigned = Extract<SignedReleaseResult, { readonly ok: false }>

/** Why nothing was signed, with who is missing. */
function unsigned(result: Unsigned, tag: string): Refusal {
  switch (result.code) {
    case 'not-governed':
      return new Refusal('not-governed', 'the repository is not governed by the policy in force')
    case 'revision-not-matched':
      return new Refusal('revision-not-matched', 'the log holds no matched landing of the revision', {
        remedy: 'Release the commit of a governed branch with which a change landed as it had passed.',
      })
    case 'tag-released':
      return new Refusal('tag-released', `entry ${result.entry} released something else as ${tag}`, {
        remedy: 'A tag is released once: choose another.',
        data: { entry: result.entry },
      })
    case 'quorum-not-met':
    case 'release-vetoed':
      return unmet(result, tag)
  }
}

function unmet({ code, decided, logins }: Extract<Unsigned, { readonly decided: unknown }>, tag: string): Refusal {
  const nameOf = (account: number): string => inert(logins.get(account as never) ?? `account ${account}`)
  const quorums = decided.quorums.map(({ quorum, persons, open }) => ({
    set: quorum.set,
    required: quorum.required,
    counted: persons.map(nameOf),
    missing: Math.max(0, quorum.required - persons.length),
    open: open.map(nameOf),
  }))
  const fallen = decided.fallen.map((one) => ({ entry: one.entry, person: nameOf(one.person), code: one.code }))
  const vetoedBy = decided.vetoedBy.map(nameOf)
  const data = { quorums, vetoedBy, fallen }
  if (code === 'release-vetoed')
    return new Refusal(code, `${tag} is vetoed by ${vetoedBy.join(', ')}`, {
      remedy: 'Whoever vetoed can withdraw it: governance release challenge … --decision withdraw.',
      data,
    })
  const lines = [
    ...quorums.map(
      ({ set, required, counted: has, open }) =>
        `${set}: ${has.length} of ${required} signatures${has.length < required ? `; could still sign: ${open.join(', ') || 'nobody'}` : ''}`,
    ),
    ...fallen.map((one) => `entry ${one.entry} of ${one.person} does not count: ${one.code}`),
  ]
  return new Refusal(code, `the quorum has not approved exactly this as ${tag}`, { remedy: lines.join('\n'), data })
}

/** What contradicts itself already here would be an accusation in the hands of a stranger: better to hear it at home. */
function insistOnConsistency(file: Uint8Array, { acceleration }: CliNeeds): void {
  const { checks } = verifyRelease(file, { trust: null, found: null, quorumTime: null, acceleration })
  const fault = checks.find(({ outcome }) => outcome === 'fail')
  if (fault === undefined) return
  throw new Refusal('store-corrupt', `the release contradicts itself: ${fault.check} ${fault.code}`, {
    remedy: 'Stop, keep the data directory as it is, and look for what changed it.',
    data: { checks },
  })
}

async function signAction(needs: CliNeeds, file: string, options: SignOptions): Promise<void> {
  const { terminal, acceleration } = needs
  const request = requestFrom(file)
  const folder = options.dir ?? dirname(resolve(file))
  const out = options.out ?? join(folder, releaseFileName)
  for (const path of [out, ...(options.envelope === undefined ? [] : [options.envelope])]) requireAbsent(path)
  await requireArtifacts(folder, request, file)
  await withDeployment(needs, options.config, 'write', async (deployment) => {
    const { settings, store, recorder, custody, operator } = deployment
    const known = await store.registry.repositories()
    const repository = known.find(({ name }) => name.toLowerCase() === request.repository.toLowerCase())
    if (repository === undefined) throw unsigned({ ok: false, code: 'not-governed' }, request.tag)
    const signed = await signRelease(
      {
        ...store,
        recorder,
        custody,
        operator,
        acceleration,
        origin: settings.log.origin,
        webUrl: needs.webUrlOf(settings.github.apiUrl),
        publishedHead: await deployment.publishedHead(),
      },
      repository,
      request,
    )
    if (!signed.ok) throw unsigned(signed, request.tag)
    insistOnConsistency(signed.file, needs)
    const sums = writeSums(folder, request.artifacts)
    writeNewFile(out, signed.file)
    if (options.envelope !== undefined) writeNewFile(options.envelope, signed.envelope)
    const { entry, isRepeated } = signed
    if (options.json) return printJson(terminal, { file: out, sums, entry, isRepeated })
    terminal.out(`${inert(out)}: release ${request.tag}, entry ${entry}${isRepeated ? ', signed before' : ''}\n`)
    terminal.err(`Publish it with ${sumsFileName} and the artefacts; \`governance release verify\` judges them.\n`)
  })
}

interface VerifyOptions {
  readonly trust?: string
  readonly dir?: string
  readonly log?: string
  readonly tokenFile?: string
  readonly json?: true
}

const words: Readonly<Record<ReleaseReport['verdict'], string>> = {
  good: 'good: the quorum approved exactly these files',
  consistent: 'consistent: the record is good, and no files were looked at, or something was skipped (--dir)',
  untrusted: 'untrusted: nothing contradicts itself, and nobody said whom to believe (--trust)',
  invalid: 'invalid: do not use this release',
}

/** How the release stands in the whole log; null where no log was named. */
async function standingInLog(needs: CliNeeds, bytes: Uint8Array, { log, tokenFile, trust }: VerifyOptions) {
  if (log === undefined) return null
  if (trust === undefined) throw new UsageError('--log goes with --trust: a log that nobody vouches for proves nothing')
  const read = await judgeReleaseInLog(sourceOf(needs, log, tokenFile), trustOf({ trust }), bytes, needs.acceleration)
  if (!read.ok) throw refusedLog(read.fault)
  const { outcome, code, entry } = read.value
  return { check: 'log', outcome, code, ...(entry === null ? {} : { detail: `entry ${entry}` }) }
}

/** The verdict over a release with what the whole log says of it. */
function verdictWith(verdict: ReleaseReport['verdict'], inLog: ReleaseInLog['outcome']): ReleaseReport['verdict'] {
  if (inLog === 'fail') return 'invalid'
  return inLog === 'skipped' && verdict === 'good' ? 'consistent' : verdict
}

async function verifyAction(needs: CliNeeds, finish: Finish, file: string, options: VerifyOptions): Promise<void> {
  const { terminal, acceleration } = needs
  const bytes = readRecordFile(file, maxEvidenceBytes)
  const trusted = options.trust === undefined ? null : trustFrom(options.trust)
  const found = options.dir === undefined ? null : await artifactsInFolder(options.dir, file)
  const judged = verifyRelease(bytes, { trust: trusted?.trust ?? null, quorumTime, found, acceleration })
  const inLog = judged.verdict === 'invalid' ? null : await standingInLog(needs, bytes, options)
  const report = {
    ...judged,
    verdict: verdictWith(judged.verdict, inLog?.outcome ?? 'pass'),
    checks: [...judged.checks, ...(inLog === null ? [] : [inLog])],
  } as const
  finish(report.verdict === 'good' ? exitCode.good : exitCode.notGood)
  if (options.json) return printJson(terminal, { ...report, fingerprint: trusted?.fingerprint ?? null })
  terminal.out(
    aligned(
      report.checks.map(({ check, outcome, code, detail }) => [
        outcome,
        check,
        [code, detail].flatMap((part) => (part == null ? [] : [inert(part)])).join(' '),
      ]),
    ),
  )
  const { release } = report
  if (release !== null)
    terminal.out(
      `\n${inert(release.repository ?? '?')} ${inert(release.tag)} of ${release.revision}: ${counted(release.artifacts.length, 'artefact')}, ${counted(release.approvers, 'approver')}\n`,
    )
  terminal.out(`\n${words[report.verdict]}\n`)
  if (trusted !== null) terminal.out(`trust file: ${trusted.fingerprint}\n`)
}

/** `governance release prepare|challenge|sign|verify`: releases that a quorum approved, file by file. */
export function addReleaseCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  const release = program.command('release').description('releases that a quorum approved, file by file')
  release
    .command('prepare <OWNER/REPO> <FILES...>')
    .description('list artefacts in SHA256SUMS and write the request that maintainers approve; works without network')
    .requiredOption('--revision <SHA>', 'the commit of the governed branch that they were built from')
    .requiredOption('--tag <TAG>', 'what the release is called')
    .option('--out <FILE>', 'where to; release-request.json beside the artefacts when left out')
    .option('--json', 'one JSON value for machines')
    .action(async (name: string, files: readonly string[], options: PrepareOptions) =>
      prepareAction(needs, name, files, options),
    )
  release
    .command('challenge <REQUEST>')
    .description('fetch what a maintainer is to sign about a release, and say it in words')
    .requiredOption('--server <URL>', "the deployment's public address")
    .requiredOption('--maintainer <LOGIN>', 'who signs')
    .option('--keyid <KEYID>', 'which key, for a person with several')
    .option('--decision <DECISION>', 'approve, veto or withdraw', 'approve')
    .option('--reason <TEXT>', 'why, for a veto')
    .option('--out <FILE>', 'write the challenge to a new file, for `approval sign`')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: ChallengeOptions) => challengeAction(needs, file, options))
  release
    .command('sign <REQUEST>')
    .description('sign a release that its quorum has approved: artefacts and approvals are checked, then recorded')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--dir <DIR>', 'folder with the artefacts; that of the request when left out')
    .option('--out <FILE>', 'where to; release.json beside the artefacts when left out')
    .option('--envelope <FILE>', 'write the DSSE envelope alone too, for other in-toto tools')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: SignOptions) => signAction(needs, file, options))
  release
    .command('verify <FILE>')
    .description('judge a release and its files; ends with 0 only when they are good; works without network')
    .option('--trust <FILE>', 'trust file: whom to believe')
    .option('--dir <DIR>', 'folder with the files that you got')
    .option('--log <PLACE>', 'address or directory of the decision log: nothing was left out, and nothing said later')
    .option('--token-file <FILE>', tokenFileHelp)
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: VerifyOptions) => verifyAction(needs, finish, file, options))
}
