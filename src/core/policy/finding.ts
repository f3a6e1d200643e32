/** How much a finding weighs: an error makes `policy lint` fail, a warning wants a look, info explains. */
export type Severity = 'error' | 'warning' | 'info'

/**
 * One thing that a linter has to say about a policy that can be read. `path` is a JSON pointer into `policy-v1`.
 * `blocks`: a policy with this finding does not take effect (unusable keys, an unreachable layer 0).
 */
export interface Finding {
  readonly code: string
  readonly severity: Severity
  readonly blocks: boolean
  readonly path: string
  readonly data: Readonly<Record<string, string | number>>
  /** What to do about it, in one sentence. */
  readonly remedy: string
}

/** What a linter may know beyond the policy. */
export interface LintOptions {
  /** The moment to judge expiry at; without it expiry is not judged. */
  readonly at?: number
  /** In a genesis policy account ids may be missing: `governance init` resolves them. */
  readonly genesis?: boolean
}
