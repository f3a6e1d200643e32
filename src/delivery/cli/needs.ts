import type { PolicyV1, Severity } from '../../core/index.ts'
import type { Clock, PolicyRecord } from '../../flows/ports.ts'
import type { SignerKeys } from './signer-keys.ts'
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

/** What commands need of the rest of the program. Filled in by the composition root. */
export interface CliNeeds {
  readonly version: string
  readonly terminal: Terminal
  readonly clock: Clock
  readonly signerKeys: SignerKeys
  readPolicy(input: {
    readonly governanceRepository: string
    readonly files: ReadonlyMap<string, Uint8Array>
    readonly isGenesis: boolean
  }): PolicyReport
  /** The policy in force of a deployment, read while its server may be running. */
  policyInForce(configFile: string): Promise<PolicyRecord>
}
