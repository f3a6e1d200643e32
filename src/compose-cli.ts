import { readFileSync } from 'node:fs'
import { readPolicyFiles } from './adapters/policy-files/read-policy-files.ts'
import type { CliNeeds } from './delivery/cli/needs.ts'
import type { Terminal } from './delivery/cli/terminal.ts'
import { systemClock } from './system.ts'

/** The version that package.json states. It lies one folder above, in a clone and in the compiled package alike. */
function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}

/** Gives the commands what they need: adapters as typed functions, opened only when a command asks. */
export function composeCli(terminal: Terminal): CliNeeds {
  return {
    version: packageVersion(),
    terminal,
    clock: systemClock,
    readPolicy({ governanceRepository, files, isGenesis }) {
      const owner = governanceRepository.split('/')[0] ?? ''
      const { policy, faults, findings } = readPolicyFiles({
        owner,
        governanceRepository,
        files,
        lint: { at: systemClock.now(), genesis: isGenesis },
      })
      return { policy, faults, findings }
    },
    signerKeys: {} as never,
    policyInForce: () => Promise.reject(new Error('not wired')),
  }
}
