import { readFileSync } from 'node:fs'
import { isAbsolute, relative } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import type { z } from 'zod'
import type { Config, ConfigProblem, OffHostPlace, WitnessConfig, WitnessingConfig } from './config.ts'
import { fileSchema, witnessFileSchema } from './schema.ts'
import { splitMessage } from './values.ts'
import { readWitnessing } from './witnessing.ts'

/** Names and values that the process was started with. */
export type Environment = Readonly<Record<string, string | undefined>>

type Refused = { readonly ok: false; readonly problems: readonly ConfigProblem[] }

export type LoadedConfig = { readonly ok: true; readonly config: Config } | Refused

const unlockName = 'GOVERNANCE_UNLOCK_KEY_FILE'
/** What the environment may say. A misspelt name would silently leave the server locked. */
const knownNames: ReadonlySet<string> = new Set([unlockName])
const largestFile = 1024 * 1024

/**
 * Reads, validates and freezes the configuration. All problems come at once. Checks: unknown keys and unknown
 * `GOVERNANCE_…` names are refused, nothing that guards something has a default.
 * Does not check: that the named secrets exist and are strong; their users refuse weak ones.
 */
export function loadConfig(options: { readonly file: string; readonly environment?: Environment }): LoadedConfig {
  const read = readText(options.file, '`governance init` writes one')
  return read.ok ? parseConfig(read.text, options.environment ?? process.env) : read
}

/** The same for the file of a witness on its own. */
export function loadWitnessConfig(options: {
  readonly file: string
  readonly environment?: Environment
}): { readonly ok: true; readonly config: WitnessConfig } | Refused {
  const read = readText(options.file, '`governance witness init` writes one')
  return read.ok ? parseWitnessConfig(read.text, options.environment ?? process.env) : read
}

/** The same for the text of a witness's file. */
export function parseWitnessConfig(
  text: string,
  environment: Environment,
): { readonly ok: true; readonly config: WitnessConfig } | Refused {
  const { problems, ...unlock } = readEnvironment(environment)
  const parsed = parseTable(text, witnessFileSchema, problems)
  if (!parsed.ok) return parsed
  return { ok: true, config: deepFreeze({ ...parsed.table, unlock }) }
}

function readText(file: string, maker: string): { readonly ok: true; readonly text: string } | Refused {
  try {
    const bytes = readFileSync(file)
    if (bytes.length > largestFile) throw new Error('larger than 1 MiB')
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    const message = `cannot be read: ${reasonOf(error)}`
    return refused([{ path: file, message, remedy: `name the file with --config; ${maker}` }])
  }
}

/** The same for the text of a file. */
export function parseConfig(text: string, environment: Environment): LoadedConfig {
  const { problems, ...unlock } = readEnvironment(environment)
  const parsed = parseTable(text, fileSchema, problems)
  if (!parsed.ok) return parsed
  const { witness } = parsed.table.log
  const settled = witness === undefined ? null : readWitnessing(witness)
  const wrong = [...misplacedCopy(parsed.table), ...lackOfToken(parsed.table), ...(settled?.problems ?? [])]
  if (wrong.length > 0) return refused(wrong)
  return { ok: true, config: deepFreeze(configOf(parsed.table, settled?.witnessing ?? null, unlock)) }
}

/** Text of TOML against a schema, with the problems of the environment besides. */
function parseTable<T extends z.ZodType>(
  text: string,
  schema: T,
  besides: readonly ConfigProblem[],
): { readonly ok: true; readonly table: z.output<T> } | Refused {
  let table: unknown
  try {
    table = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The library's text quotes the line, which may hold what must not be shown: only the place is told.
    const message = `is not TOML: line ${error.line}, column ${error.column}`
    return refused([{ path: '', message, remedy: 'correct that line, see toml.io' }, ...besides])
  }
  const parsed = schema.safeParse(table)
  if (!parsed.success) return refused([...parsed.error.issues.flatMap(problemsOf), ...besides])
  return besides.length > 0 ? refused(besides) : { ok: true, table: parsed.data }
}

function configOf(
  { http, log, github, policy, data, anchor, telemetry }: z.output<typeof fileSchema>,
  witness: WitnessingConfig | null,
  unlock: Config['unlock'],
) {
  const config: Config = {
    http: {
      listen: http.listen,
      publicUrl: http.public_url,
      trustedProxies: http.trusted_proxies,
      maxBodyBytes: http.max_body_bytes,
      challenge: { perClientAndMinute: http.challenge_per_client_and_minute, perMinute: http.challenge_per_minute },
    },
    log: {
      origin: log.origin,
      ...(log.off_host === undefined ? {} : { offHost: offHostPlace(log.off_host) }),
      ...(witness === null ? {} : { witness }),
      ...(log.access === undefined ? {} : { access: log.access }),
      ...(log.token === undefined ? {} : { token: log.token }),
    },
    github: {
      apiUrl: github.api_url,
      appId: github.app_id,
      privateKey: github.private_key,
      webhookSecrets: github.webhook_secret,
    },
    policy,
    data: { directory: data.directory, payloadDays: data.payload_days },
    anchor: { calendars: anchor.calendars, upgradeFrom: anchor.upgrade_from },
    telemetry,
    unlock,
  }
  return config
}

/** A log that only a token opens needs one. */
function lackOfToken({ log }: z.output<typeof fileSchema>): ConfigProblem[] {
  if (log.access !== 'token' || log.token !== undefined) return []
  const remedy = 'write token = { keystore = "log-token" }; `governance log token` makes it'
  return [{ path: 'log.token', message: 'is missing', remedy }]
}

/** A copy below the data directory would be lost, or rolled back, together with what it is a copy of. */
function misplacedCopy({ log, data }: z.output<typeof fileSchema>): ConfigProblem[] {
  const copy = log.off_host?.directory
  if (copy === undefined) return []
  const isInside = (path: string, folder: string): boolean => !relative(folder, path).startsWith('..')
  if (!isInside(copy, data.directory) && !isInside(data.directory, copy)) return []
  return [
    {
      path: 'log.off_host.directory',
      message: 'is not apart from data.directory',
      remedy: 'name a mount of another machine or disk',
    },
  ]
}

function offHostPlace({ directory, sftp }: NonNullable<z.output<typeof fileSchema>['log']['off_host']>): OffHostPlace {
  if (sftp !== undefined) {
    const { host_key: hostKey, private_key: privateKey, ...rest } = sftp
    return { kind: 'sftp', ...rest, hostKey, privateKey }
  }
  return { kind: 'directory', directory: directory ?? '' }
}

/** What the environment says, and what in it is not known. */
export function readEnvironment(environment: Environment = process.env): {
  keyFile: string | null
  credentialsDirectory?: string
  problems: ConfigProblem[]
} {
  const problems: ConfigProblem[] = []
  for (const name of Object.keys(environment)) {
    if (name.startsWith('GOVERNANCE_') && !knownNames.has(name))
      problems.push({ path: name, message: 'is not a known variable', remedy: `unset it; known: ${unlockName}` })
  }
  const keyFile = environment[unlockName] ?? null
  if (keyFile !== null && !isAbsolute(keyFile))
    problems.push({
      path: unlockName,
      message: 'is not an absolute path',
      remedy: 'name the key file by its full path',
    })
  const credentials = environment.CREDENTIALS_DIRECTORY
  return { keyFile, problems, ...(credentials === undefined ? {} : { credentialsDirectory: credentials }) }
}

function problemsOf(issue: z.core.$ZodIssue): ConfigProblem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key].join('.'),
      message: 'is not a known name',
      remedy: 'correct its spelling or remove it',
    }))
  }
  const { message, remedy } = splitMessage(issue.message)
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined && /received undefined$/.test(message)
  return [
    {
      path: path.join('.'),
      message: isMissing ? 'is missing' : message,
      remedy:
        remedy ??
        (isMissing ? 'add it; it has no default' : 'correct its kind, see the comments that `governance init` writes'),
    },
  ]
}

function refused(problems: readonly ConfigProblem[]): Refused {
  return { ok: false, problems }
}

/** The system's code where there is one: its text repeats the path. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : 'unknown'
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
