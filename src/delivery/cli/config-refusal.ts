import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

/** All problems of a configuration as one refusal. Trust: problems never quote a value. */
export function configRefusal(
  problems: readonly { readonly path: string; readonly message: string; readonly remedy: string }[],
): Refusal {
  const lines = problems.map(({ path, message, remedy }) => `  ${path} ${message}: ${remedy}`)
  return new Refusal('config-invalid', 'the configuration cannot be used', {
    exit: exitCode.unknown,
    remedy: lines.join('\n'),
    data: { problems },
  })
}
