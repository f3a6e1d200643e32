import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { meetsQuorum, parseWitnessPolicy } from '../core/index.ts'
import type { ConfigProblem, WitnessingConfig } from './config.ts'
import type { witnessTable } from './witness-schema.ts'

const largestPolicy = 65_536

/**
 * Settles `[log.witness]`: reads the policy where a file holds it, finds each witness's address, and names every problem.
 *
 * Checks: the policy's own rules; that each address belongs to a witness of it; that the witnesses with an address can meet it.
 */
export function readWitnessing(table: z.output<typeof witnessTable>): {
  readonly witnessing: WitnessingConfig
  readonly problems: readonly ConfigProblem[]
} {
  const problems: ConfigProblem[] = []
  const problem = (name: string, message: string, remedy: string): void =>
    void problems.push({ path: `log.witness.${name}`, message, remedy })
  const serve = table.serve ?? null
  const name = table.policy === undefined ? 'policy_file' : 'policy'
  const text = table.policy ?? (table.policy_file === undefined ? undefined : readPolicyFile(table.policy_file))
  if (text === null) problem(name, 'cannot be read', 'check path and permissions; a policy has at most 64 KiB of UTF-8')
  if (text === undefined || text === null) return { witnessing: { quorum: null, serve }, problems }
  const parsed = parseWitnessPolicy(text)
  if (!parsed.ok) {
    for (const { line, code } of parsed.faults)
      problem(name, `is no witness policy: line ${line}, ${code}`, 'correct that line, see spec/log/witness.md')
    return { witnessing: { quorum: null, serve }, problems }
  }
  const { policy } = parsed
  const urls = new Map(policy.witnesses.flatMap(({ name: witness, url }) => (url === null ? [] : [[witness, url]])))
  for (const [witness, url] of Object.entries(table.urls)) {
    if (!policy.witnesses.some((known) => known.name === witness))
      problem(`urls.${witness}`, 'is no witness of the policy', 'correct its name')
    urls.set(witness, url)
  }
  if (!meetsQuorum(policy, urls.keys()))
    problem(
      'urls',
      'lacks witnesses that the quorum needs',
      'add the addresses of enough witnesses here or in the policy',
    )
  const quorum = {
    policy: text,
    urls: Object.fromEntries(urls),
    requiredForGreen: table.required_for_green === true,
    deadlineMs: table.deadline_seconds * 1_000,
  }
  return { witnessing: { quorum, serve }, problems }
}

function readPolicyFile(path: string): string | null {
  try {
    const bytes = readFileSync(path)
    return bytes.length > largestPolicy
      ? null
      : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
