/** What the server needs of the machine and of the operator: time, chance, custody, telemetry, policy files. */
import type { Instant, PolicyV1 } from '../../core/index.ts'

export interface Clock {
  /** The machine's idea of now. May jump; the recorder alone turns it into `at`. */
  now(): Instant
}

export interface Timers {
  /** Runs `run` once, not before `ms` have passed (longer delays than a timer can hold are chained). Returns its cancel. */
  after(ms: number, run: () => void): () => void
}

export interface Random {
  /** `count` bytes from the operating system's generator. */
  bytes(count: number): Uint8Array
}

/** Where the server's own secrets live. Never returns a key that signs the log. */
export interface Custody {
  /** The bytes of a secret that has to be handed to somebody else's code. @throws AppError custody-not-found, custody-refused */
  reveal(name: string): Promise<Uint8Array>
  /** Signs with a key that never leaves custody (Ed25519). */
  sign(name: string, message: Uint8Array): Promise<Uint8Array>
  /** Raw 32-byte Ed25519 public key. */
  publicKey(name: string): Promise<Uint8Array>
  names(): Promise<readonly string[]>
}

/** A reason why policy files cannot take effect, where it stands and what to do. */
export interface PolicyFileFault {
  readonly code: string
  readonly file: string
  readonly line: number | null
  readonly message: string
  readonly remedy: string
}

export interface PolicyFiles {
  readonly isPolicyPath: (path: string) => boolean
  /** `policy` is null when structure is faulty; `blocking` holds every fault that keeps it from taking effect. */
  read(input: {
    readonly governanceRepository: string
    readonly files: ReadonlyMap<string, Uint8Array>
    readonly isGenesis: boolean
  }): { readonly policy: PolicyV1 | null; readonly blocking: readonly PolicyFileFault[] }
}

export interface Telemetry {
  /** One event, with fields that hold no secret and no stranger's text beyond identifiers. */
  event(name: string, level: 'debug' | 'info' | 'warn' | 'error', fields?: Readonly<Record<string, unknown>>): void
  count(name: string, labels?: Readonly<Record<string, string>>): void
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void
}
