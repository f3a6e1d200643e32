import { type ExitCode, exitCode } from './exit-code.ts'

/** The command line is wrong. `problems` names everything that is, at once. */
export class UsageError extends Error {
  override name = 'UsageError'
  readonly problems: readonly string[]

  constructor(...problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

/** A command found its answer and it is not the wished one, or could not find it: a code, words, and what to do next. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly code: string
  readonly remedy: string | null
  readonly exit: ExitCode
  readonly data: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: {
      readonly remedy?: string
      readonly exit?: ExitCode
      readonly data?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(message)
    this.code = code
    this.remedy = options.remedy ?? null
    this.exit = options.exit ?? exitCode.notGood
    this.data = options.data ?? {}
  }
}
