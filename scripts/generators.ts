import { entriesJsonSchema } from '../src/core/log/check-entry.ts'
import { policyJsonSchema } from '../src/core/policy/policy-schema.ts'
import { commandsPage } from '../src/delivery/cli/commands-page.ts'
import { securityEventsPage, securityEventsSchema } from './security-events-page.ts'
import { evidenceVectors } from '../test/fixtures/evidence-vectors.ts'
import { verifierDigests } from './build-verifier.ts'
import { dependenciesPage } from './dependencies-page.ts'

/** A file of the repository that is derived from the code; `produce` returns its whole text. */
export type Generator = { readonly path: string; readonly produce: (root: string) => string | Promise<string> }

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`

/** Every generated file. A generator must depend on nothing but the tree: no clock, no network, no order of a file system. */
export const GENERATORS: readonly Generator[] = [
  { path: 'docs/reference/commands.md', produce: commandsPage },
  { path: 'docs/reference/dependencies.md', produce: dependenciesPage },
  { path: 'src/delivery/verify/verifier.json', produce: async () => json(await verifierDigests()) },
  { path: 'spec/log/security-events.md', produce: securityEventsPage },
  { path: 'spec/schema/security-events.json', produce: () => json(securityEventsSchema()) },
  { path: 'spec/vectors/evidence/evidence.json', produce: () => json(evidenceVectors()) },
  { path: 'spec/schema/log-entries-v1.json', produce: () => json(entriesJsonSchema()) },
  { path: 'spec/schema/policy-v1.json', produce: () => json(policyJsonSchema()) },
]
