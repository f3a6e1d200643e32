/** What a command ends with; operators script against these four. */
export const exitCode = {
  /** What was asked for was done, or what was asked about is good. */
  good: 0,
  /** The answer is known, and it is no. */
  notGood: 1,
  /** Nobody knows: the world refused, or something is broken. */
  unknown: 2,
  /** The command line cannot be understood. */
  usage: 64,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]
