import type { Sha256 } from '../core/index.ts'

/** Everything the operator decides, validated and frozen. Holds names of secrets, never a secret. */
export interface Config {
  readonly http: {
    /** Port 0 lets the system choose. */
    readonly listen: { readonly host: string; readonly port: number }
    /** Without a slash at the end. */
    readonly publicUrl: string
    /** Networks whose `X-Forwarded-For` is believed; none unless named. */
    readonly trustedProxies: readonly string[]
    readonly maxBodyBytes: number
    readonly challenge: { readonly perClientAndMinute: number; readonly perMinute: number }
  }
  readonly log: {
    readonly origin: string
    readonly offHost?: OffHostPlace
    /** Absent: nobody cosigns the heads of this log, and it cosigns nobody's. */
    readonly witness?: WitnessingConfig
    /** Who may read the files of the decision log; everybody when not said. A private repository makes it the token's. */
    readonly access?: 'public' | 'token'
    readonly token?: KeystoreName
  }
  readonly github: {
    /** Without a slash at the end. */
    readonly apiUrl: string
    readonly appId: number
    readonly privateKey: KeystoreName
    /** The first is current; a second one is accepted while secrets are rotated. */
    readonly webhookSecrets: readonly KeystoreName[]
  }
  readonly policy: { readonly repository: string; readonly branch: string; readonly genesis: Sha256 }
  readonly data: { readonly directory: string; readonly payloadDays: number }
  readonly anchor?: {
    /** Calendars of OpenTimestamps that digests are handed to, without a slash at the end. */
    readonly calendars: readonly string[]
    /** Further calendars that may be asked for what they promised: addresses, or families like `https://*.example.org`. */
    readonly upgradeFrom: readonly string[]
  }
  readonly telemetry: { readonly level: 'debug' | 'info' | 'warn' | 'error' }
  /** File with the key that unlocks keystore and database; null: ask. From `GOVERNANCE_UNLOCK_KEY_FILE`. */
  readonly unlock: {
    readonly keyFile: string | null
    /** Where systemd hands credentials to the service (`CREDENTIALS_DIRECTORY`); a key file in it may be root's. */
    readonly credentialsDirectory?: string
  }
}

/** A second place for the files of the log, which does not end with this machine. */
export type OffHostPlace =
  | { readonly kind: 'directory'; readonly directory: string }
  | {
      readonly kind: 'sftp'
      readonly host: string
      readonly port: number
      readonly user: string
      readonly directory: string
      /** Fingerprint of the server's key, as OpenSSH writes it. */
      readonly hostKey: string
      readonly privateKey: KeystoreName
    }

/** Whose cosignatures the heads of the log need, and the witness that runs inside the server. */
export interface WitnessingConfig {
  readonly quorum: {
    /** Text of a C2SP tlog-policy; it parses. */
    readonly policy: string
    /** Address per name of the policy. */
    readonly urls: Readonly<Record<string, string>>
    readonly requiredForGreen: boolean
    readonly deadlineMs: number
  } | null
  readonly serve: WitnessServeConfig | null
}

/** A witness: its name, where it waits, and the verifier keys of the logs that it watches. */
export interface WitnessServeConfig {
  readonly name: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly logs: readonly string[]
}

/** Everything that a witness on its own is configured with. */
export interface WitnessConfig {
  readonly witness: WitnessServeConfig
  readonly data: { readonly directory: string }
  readonly unlock: Config['unlock']
}

/** Where in the keystore a secret lies. */
export interface KeystoreName {
  readonly keystore: string
}

/** One thing that is wrong with a configuration. Never quotes a value that may be a secret. */
export interface ConfigProblem {
  /** `section.name`; the file's path for a file that cannot be read. */
  readonly path: string
  readonly message: string
  readonly remedy: string
}
