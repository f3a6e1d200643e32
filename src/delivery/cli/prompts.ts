import { Refusal, UsageError } from './refusal.ts'
import type { Terminal } from './terminal.ts'

/** Loaded where somebody is asked: most commands ask nothing. */
const clack = () => import('@clack/prompts')

const cancelled = (): Refusal => new Refusal('cancelled', 'cancelled; nothing was done')

/**
 * Asks for a yes. Without a person to ask, `--yes` must have said it.
 *
 * @throws UsageError without a terminal; Refusal cancelled for a no
 */
export async function confirmed(terminal: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return
  if (!terminal.isInteractive) throw new UsageError(`nobody is here to confirm "${question}"; add --yes`)
  const { confirm } = await clack()
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr })
  if (answer !== true) throw cancelled()
}

/** What a flag would have said; asked for where a person sits there. */
export interface Wanted {
  readonly flag: string
  readonly question: string
  readonly initial?: string
}

/**
 * The values of flags, asking for the missing ones. Without a person, or with `--yes`, all missing ones are one error.
 *
 * @throws UsageError naming every missing flag
 */
export async function valuesOf<K extends string>(
  terminal: Terminal,
  given: Readonly<Record<K, string | undefined>>,
  wanted: Readonly<Record<K, Wanted>>,
  yes: boolean,
): Promise<Record<K, string>> {
  const names = Object.keys(wanted) as K[]
  const missing = names.filter((name) => given[name] === undefined || given[name] === '')
  if (missing.length > 0 && (yes || !terminal.isInteractive))
    throw new UsageError(...missing.map((name) => `${wanted[name].flag} is missing`))
  const values = { ...given } as Record<K, string>
  if (missing.length === 0) return values
  const { isCancel, text } = await clack()
  for (const name of missing) {
    const { question, initial } = wanted[name]
    const answer = await text({
      message: question,
      ...(initial === undefined ? {} : { initialValue: initial }),
      output: process.stderr,
      validate: (value) => (value === undefined || value.trim() === '' ? 'needed' : undefined),
    })
    if (isCancel(answer)) throw cancelled()
    values[name] = answer.trim()
  }
  return values
}

/** Asks for a secret without showing it. @throws UsageError naming the flag when nobody can be asked */
export async function askSecret(terminal: Terminal, question: string, flag: string): Promise<string> {
  if (!terminal.isInteractive) throw new UsageError(`nobody is here to be asked: ${flag} is missing`)
  const { isCancel, password } = await clack()
  const answer = await password({ message: question, output: process.stderr })
  if (isCancel(answer)) throw cancelled()
  return answer
}

/** Asks until the given word is typed. @throws UsageError without a terminal; Refusal cancelled */
export async function typed(terminal: Terminal, word: string, question: string, yes: boolean): Promise<void> {
  if (yes) return
  if (!terminal.isInteractive) throw new UsageError(`nobody is here to type "${word}"; add --yes`)
  const { isCancel, text } = await clack()
  const answer = await text({ message: question, output: process.stderr })
  if (isCancel(answer) || answer.trim() !== word) throw cancelled()
}

/** Asks twice for a new passphrase. @throws UsageError naming the flag; Refusal passphrases-differ */
export async function askNewPassphrase(terminal: Terminal, flag: string): Promise<string> {
  const first = await askSecret(terminal, 'New passphrase', flag)
  if ((await askSecret(terminal, 'Once more', flag)) === first) return first
  throw new Refusal('passphrases-differ', 'the two passphrases differ; nothing was written')
}

/** Asks for a line. Without a person: the empty line where `optional`, an error otherwise. */
export async function askText(terminal: Terminal, question: string, optional: boolean): Promise<string> {
  if (!terminal.isInteractive) {
    if (optional) return ''
    throw new UsageError(`nobody is here to be asked: ${question}`)
  }
  const { isCancel, text } = await clack()
  const answer = await text({ message: question, output: process.stderr })
  if (isCancel(answer)) throw cancelled()
  return (answer ?? '').trim()
}
