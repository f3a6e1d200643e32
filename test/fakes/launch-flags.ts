import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What `bin/governance` gives Node, read from it: memory is judged as it is in production. */
export const launchFlags: readonly string[] = (() => {
  const launcher = readFileSync(join(import.meta.dirname, '../../bin/governance'), 'utf8')
  const flags = /exec "\$node" (--.*?) "\$main"/.exec(launcher)?.[1]
  if (flags === undefined) throw new Error('bin/governance starts Node in a way that is not understood here')
  return flags.split(' ')
})()
