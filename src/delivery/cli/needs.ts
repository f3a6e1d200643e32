import type { AuditThreads } from './audit-threads.ts'
import type { Acceleration, Contradiction, Facts, KeyId, PolicyV1, Severity, Sha256 } from '../../core/index.ts'
import type { SecurityEvent } from '../../flows/audit/security-event.ts'
import type { WaitingEvent } from '../../flows/audit/signing-refusals.ts'
import type { Recorder } from '../../flows/gate/recorder.ts'
import type { GenesisPlan } from '../../flows/gate/genesis.ts'
import type { WitnessRoster } from '../../flows/record/cosign.ts'
import type {
  Calendars,
  Clock,
  Custody,
  ForgeAdmin,
  ForgeHistory,
  ForgeReader,
  ForgeRepository,
  GitReader,
  LogName,
  LogSource,
  PolicyFiles,
  Random,
  Ruleset,
  StorePorts,
  Webhooks,
  WitnessedHead,
} from '../../flows/ports.ts'
import type { CopyStanding } from '../../flows/record/copy-standing.ts'
import type { Published } from '../../flows/record/publisher.ts'
import type { VerifierRelease } from '../../flows/record/verifier-release.ts'
import type { SignerKeys } from './signer-key.ts'
import type { Terminal } from './terminal.ts'

/** Something about policy files with its place. */
export interface PlacedNote {
  readonly code: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly remedy: string
}

/** What policy files say, or why they say nothing. */
export interface PolicyReport {
  /** Null when there is any fault. */
  readonly policy: PolicyV1 | null
  readonly faults: readonly PlacedNote[]
  readonly findings: readonly (PlacedNote & { readonly severity: Severity; readonly blocks: boolean })[]
}

/** The part of the configuration that commands look at. */
export interface Settings {
  readonly http: { readonly listen: { readonly host: string; readonly port: number }; readonly publicUrl: string }
  readonly log: {
    readonly origin: string
    readonly offHost?: { readonly kind: string; readonly privateKey?: { readonly keystore: string } }
    readonly witness?: { readonly quorum: { readonly policy: string } | null }
    readonly access?: 'public' | 'token'
    readonly token?: { readonly keystore: string }
  }
  readonly github: {
    readonly apiUrl: string
    readonly appId: number
    readonly privateKey: { readonly keystore: string }
    readonly webhookSecrets: readonly { readonly keystore: string }[]
  }
  readonly policy: { readonly repository: string; readonly branch: string; readonly genesis: string }
  readonly data: { readonly directory: string; readonly payloadDays: number }
}

/** The forge as commands use it. An administrator's token, where given, lets `findRuleset` see bypass lists. */
export interface CliForge {
  readonly reader: ForgeReader
  readonly history: ForgeHistory
  readonly admin: ForgeAdmin & {
    findRuleset(repository: ForgeRepository, wanted: Ruleset, adminToken?: string): Promise<number | null>
  }
}

/** A store with what an operator asks about it. */
export interface CliStore extends StorePorts {
  readonly schemaVersion: number
  /** Whether the server may be running. */
  readonly isBeside: boolean
  checkIntegrity(): Promise<readonly string[]>
}

/** A deployment that was opened with its configuration and its unlock. */
export interface Deployment {
  readonly settings: Settings
  readonly custody: Custody
  readonly store: CliStore
  readonly recorder: Recorder
  /** Who runs the command, as the security log names them. */
  readonly operator: string
  /**
   * Makes security events durable, also in a deployment that was opened for reading.
   * @throws AppError of custody and store; whatever needs its event must not happen then
   */
  note(events: readonly SecurityEvent[]): Promise<void>
  /** Refusals to sign the log that wait outside of it, oldest first. @throws AppError store-corrupt, store-unavailable */
  refusals(): Promise<readonly WaitingEvent[]>
  readonly forge: CliForge
  /** Makes a key that signs heads of a log; it never leaves custody. @throws AppError custody-refused when the name is taken */
  makeLogKey(name: string): Promise<Uint8Array>
  /** The second place of the log's files; null where none is configured. */
  readonly offHost: {
    readonly name: string
    /** How its copy of each log stands to the log, also where it cannot be reached. */
    standings(): Promise<readonly CopyStanding[]>
    /** Fills a new place; returns the sizes of the heads that it shows then. @throws AppError log-ahead, log-file-differs, log-files-unavailable */
    prepare(): Promise<{ readonly [log in LogName]: number }>
  } | null
  /**
   * Puts a private key for SSH into the keystore, or makes one there, and returns its line for `authorized_keys`.
   * @throws AppError custody-refused when the name is taken or the key cannot be used
   */
  keepSshKey(name: string, key: Uint8Array | null): Promise<string>
  /** @throws AppError custody-not-found, custody-refused */
  sshKey(name: string): Promise<string>
  /** The newest head that was published, as it lies there; null where none is. */
  publishedHead(): Promise<string | null>
  /** The largest head of the log that anybody outside of the database holds, and who could not say. */
  newestOutside(): Promise<{ readonly size: number; readonly silent: readonly string[] }>
  /** Puts the note that ends a log beside its last head, wherever that lies; null: it lies there. */
  publishBreak(note: string): Promise<readonly { readonly place: string; readonly code: string | null }[]>
  /** Whose cosignatures heads need; null where no quorum is configured. @throws AppError config-invalid */
  roster(): Promise<WitnessRoster | null>
  /**
   * Writes the files of the log that are not published yet, or all of them again; only while no server does, and only where
   * one might start.
   * @throws AppError log-ahead, log-file-differs, log-files-unavailable, witness-unreachable, store-corrupt
   */
  publishLog(options: { readonly all: boolean }): Promise<Published>
  /**
   * Takes a value out of the public files, here and off host, also while the server runs; a name for each place that it is gone
   * from, and the code of what stood in the way for each other.
   */
  removeBlob(digest: Sha256): Promise<readonly { readonly place: string; readonly code: string | null }[]>
  /** Puts a token into the keystore, under a name that is free. */
  keepToken(name: string, token: string): Promise<void>
  /** @throws AppError config-invalid for a webhook secret that protects nothing */
  webhooks(): Promise<Webhooks>
  close(): Promise<void>
}

/**
 * How a deployment is opened: `read` and `write` also while its server runs, `alone` only while none does.
 */
export type OpenMode = 'read' | 'write' | 'alone'

/** A server that takes webhooks. */
export interface RunningServer {
  readonly host: string
  readonly port: number
  stop(deadlineMs: number): Promise<void>
}

/** Everything that `init` puts into a new deployment. Secrets are handed over once and overwritten by who made them. */
export interface NewDeployment {
  readonly configFile: string
  readonly dataDirectory: string
  readonly listen: string
  readonly publicUrl: string
  readonly origin: string
  readonly apiUrl: string
  readonly appId: number
  readonly privateKeyPem: string
  readonly webhookSecret: Uint8Array
}

/** A deployment that does not exist yet: checked, with an unlock at hand. */
export interface Draft {
  readonly forge: CliForge
  /** Creates everything or nothing. Returns the log's verifier key, and the key file that was created, if one was. */
  create(plan: GenesisPlan): Promise<{ readonly logKey: string; readonly createdKeyFile: string | null }>
}

export interface SchemaState {
  readonly current: number
  readonly newest: number
  readonly pending: readonly string[]
}

/** What a migration did: to the schema, and to the keystore of a deployment that was made by an older version. */
export interface Migrated extends SchemaState {
  readonly createdKeys: readonly string[]
}

/** How a check of `doctor` went. */
export interface CheckResult {
  readonly name: string
  readonly outcome: 'ok' | 'warn' | 'fail' | 'unknown'
  readonly message: string
  readonly remedy: string | null
}

/** A witness on its own, as its commands see it. */
export interface WitnessCli {
  /** Name of the witness's key in custody. */
  readonly keyName: string
  /** Makes key, keystore and configuration. @throws Refusal exists, config-invalid */
  init(request: {
    readonly configFile: string
    readonly directory: string
    readonly name: string
    readonly listen: string
    readonly logs: readonly string[]
  }): Promise<{ readonly key: string; readonly createdKeyFile: string | null }>
  /** @throws Refusal config-invalid; AppError of custody and memory */
  serve(configFile: string): Promise<{ readonly host: string; readonly port: number; stop(): Promise<void> }>
  /** @throws as `serve` */
  status(configFile: string): Promise<{
    readonly key: string
    readonly heads: readonly { readonly origin: string; readonly head: WitnessedHead | null }[]
  }>
}

/** What commands need of the rest of the program. Filled in by the composition root. */
export interface CliNeeds {
  readonly version: string
  readonly terminal: Terminal
  readonly clock: Clock
  readonly acceleration: Acceleration
  readonly signerKeys: SignerKeys
  readonly policyFiles: PolicyFiles
  readPolicy(input: {
    readonly governanceRepository: string
    readonly files: ReadonlyMap<string, Uint8Array>
    readonly isGenesis: boolean
  }): PolicyReport
  /** @throws Refusal config-invalid; AppError of configuration, custody and store */
  openDeployment(configFile: string, mode: OpenMode): Promise<Deployment>
  serve(configFile: string): Promise<RunningServer>
  readonly witness: WitnessCli
  /** Compares or migrates the schema of a database that no server has open. */
  migrate(configFile: string, check: boolean): Promise<Migrated>
  /** @throws Refusal config-invalid and everything that stands in the way, before anything is created */
  draftDeployment(request: NewDeployment): Promise<Draft>
  /** Puts another genesis digest into the configuration file, after `regenesis`. */
  pinGenesis(configFile: string, digest: string): void
  /** Puts another origin into the configuration file, after `log restart`. @throws RangeError when that is left to a person */
  pinOrigin(configFile: string, origin: string): void
  /** Everything about files, modes and keys that can be said before a deployment is opened. */
  examineFiles(configFile: string): readonly CheckResult[]
  readonly manifest: {
    make(options: { readonly name: string; readonly publicUrl: string; readonly redirectUrl: string }): unknown
    exchange(
      apiUrl: string,
      code: string,
    ): Promise<{ readonly appId: number; readonly slug: string; readonly pem: string; readonly webhookSecret: string }>
    /** What the App may do at most. */
    readonly permissions: Readonly<Record<string, string>>
    /** Permissions that the App should have besides, and works without. */
    readonly wanted: Readonly<Record<string, string>>
  }
  /** Opens a clone for reading; whoever opens it closes it. @throws Refusal no-clone */
  openClone(directory: string): GitReader
  /** Recomputes facts from the objects of a clone and names what contradicts them. @throws Refusal no-clone, clone-incomplete */
  contradictionsInClone(directory: string, facts: Facts): Promise<readonly Contradiction[]>
  webUrlOf(apiUrl: string): string
  /** The files of a log: behind an http(s) address, or else in a directory. @throws RangeError for an address that is none */
  openLogSource(place: string, token?: string | null): LogSource
  /** Threads that audit the bundles of the log there. */
  startAuditThreads(place: string): AuditThreads
  readonly random: Random
  readonly calendars: Calendars
  /** The offline verifier that this software carries; a file is null where nobody built it. */
  readonly verifier: { release(): VerifierRelease; file(name: string): Uint8Array | null }
  /** What the configuration says of calendars. @throws Refusal config-invalid */
  anchorSettings(configFile: string): { readonly calendars: readonly string[]; readonly upgradeFrom: readonly string[] }
  keyIdOf(publicKey: string): KeyId
}

/** Opens a deployment for as long as `use` takes. */
export async function withDeployment<T>(
  needs: Pick<CliNeeds, 'openDeployment'>,
  configFile: string,
  mode: OpenMode,
  use: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  const deployment = await needs.openDeployment(configFile, mode)
  try {
    return await use(deployment)
  } finally {
    await deployment.close()
  }
}
