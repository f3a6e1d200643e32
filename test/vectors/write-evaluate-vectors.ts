/** Writes spec/vectors/evaluate/*.json. Run it by hand when the rules gain a case; what is expected is written here by hand. */
import { mkdirSync, writeFileSync } from 'node:fs'
import type { AdmittedStatement, Decision } from '../../src/core/approval/statement.ts'
import type { Facts } from '../../src/core/facts/facts.ts'
import { asInstant, asLogIndex, type Instant } from '../../src/core/ids.ts'
import type { Keyring } from '../../src/core/keyring/keyring.ts'
import { applyRegistry } from '../../src/core/keyring/registry.ts'
import { suspend } from '../../src/core/keyring/suspension.ts'
import type { RegistryKey } from '../../src/core/policy/policy-v1.ts'
import {
  account,
  commit,
  day,
  facts,
  file,
  inForce,
  keyring,
  policy,
  record,
  registry,
  type SignOptions,
} from '../fakes/governed-change.ts'

let entry = 10
const signed = (of: Facts, login: string, decision: Decision = 'approve', options: SignOptions = {}) =>
  record(of, login, decision, { ...options, entry: entry++ })
const change = facts()
const three = ['m1', 'm2', 'm3'].map((login) => signed(change, login))
const withM1 = (changes: Partial<RegistryKey>): Keyring =>
  applyRegistry(
    keyring,
    registry.map((key) => (key.login === 'm1' ? { ...key, ...changes } : key)),
    asLogIndex(900),
    day(90),
  )
const pushed = facts({ head: { ...change.head, sha: commit('B') }, files: [file('docs/b.md')] })
const unnamed = facts({
  commits: [
    {
      sha: commit('head'),
      author: { account: null, how: 'none' },
      committer: { account: null, how: 'forge' },
      coAuthors: [],
    },
  ],
})
const denial = { notAuthorOf: [commit('head')] }
const adding = signed(change, 'm1', 'add-tier', { tier: '3' })
const veto = signed(change, 'm5', 'veto')
const elsewhere = facts({ repository: { ...change.repository, name: 'evil/node' } })

interface Case {
  readonly name: string
  readonly facts?: Facts
  readonly approvals?: readonly AdmittedStatement[]
  readonly keyring?: Keyring
  readonly at?: Instant
  readonly outcome: string
  /** Codes that the tree must hold. */
  readonly codes: readonly string[]
  readonly missing: readonly string[]
}

const cases: readonly Case[] = [
  {
    name: 'nobody signed',
    outcome: 'pending',
    codes: ['signatures-missing', 'review-period-met'],
    missing: ['signatures'],
  },
  { name: 'quorum and time', approvals: three, outcome: 'pass', codes: ['quorum-met'], missing: [] },
  {
    name: 'T24 one millisecond early',
    approvals: three,
    at: asInstant(day(61) - 1),
    outcome: 'pending',
    codes: ['review-period-running'],
    missing: ['time'],
  },
  {
    name: 'T24 at the millisecond',
    approvals: three,
    at: day(61),
    outcome: 'pass',
    codes: ['review-period-met'],
    missing: [],
  },
  {
    name: 'T10 pushed',
    facts: pushed,
    approvals: three,
    outcome: 'pending',
    codes: ['wrong-head'],
    missing: ['signatures'],
  },
  {
    name: 'T13 copies',
    approvals: three.slice(0, 1).flatMap((one) => [one, one, { ...one, entry: asLogIndex(800) }]),
    outcome: 'pending',
    codes: ['superseded', 'statement-counts'],
    missing: ['signatures'],
  },
  {
    name: 'T15 revoked',
    approvals: three,
    keyring: withM1({ revokedAt: day(95) }),
    outcome: 'pending',
    codes: ['key-revoked'],
    missing: ['signatures'],
  },
  {
    name: 'T15 compromised before',
    approvals: three,
    keyring: withM1({ compromisedSince: day(1) }),
    outcome: 'pending',
    codes: ['key-compromised'],
    missing: ['signatures'],
  },
  {
    name: 'suspended',
    approvals: three,
    keyring: suspend(keyring, account('m1'), {
      entry: asLogIndex(900),
      at: day(90),
      by: [account('m2'), account('m3')],
    }),
    outcome: 'pending',
    codes: ['key-suspended'],
    missing: ['signatures'],
  },
  {
    name: 'T17 opener',
    facts: facts({ opener: account('m1') }),
    approvals: three,
    outcome: 'pending',
    codes: ['author-of-change'],
    missing: ['signatures'],
  },
  {
    name: 'T17 unnamed, not denied',
    facts: unnamed,
    approvals: three,
    outcome: 'pending',
    codes: ['unattributed-commit-not-denied'],
    missing: ['signatures'],
  },
  {
    name: 'T17 unnamed, denied',
    facts: unnamed,
    approvals: ['m1', 'm2', 'm3'].map((login) => signed(unnamed, login, 'approve', denial)),
    outcome: 'pass',
    codes: ['statement-counts'],
    missing: [],
  },
  {
    name: 'T19 withdrawn',
    approvals: [...three, signed(change, 'm1', 'withdraw')],
    outcome: 'pending',
    codes: ['withdrawn'],
    missing: ['signatures'],
  },
  { name: 'T19 vetoed', approvals: [...three, veto], outcome: 'fail', codes: ['vetoed'], missing: ['veto-withdrawal'] },
  {
    name: 'T23 tier added by one',
    approvals: [...three, adding],
    outcome: 'pending',
    codes: ['tier-added', 'condition-unmet'],
    missing: ['signatures', 'condition', 'condition', 'condition'],
  },
  {
    name: 'T23 tier removed by one',
    facts: facts({ files: [file('consensus/a.rs')] }),
    approvals: [signed(facts({ files: [file('consensus/a.rs')] }), 'm1', 'remove-tier', { tier: '3' })],
    outcome: 'pending',
    codes: ['tier-removal-incomplete'],
    missing: ['signatures', 'condition', 'condition', 'condition'],
  },
  {
    name: 'T33 decoy of the same head',
    facts: facts({ number: 9, group: [7, 9] }),
    approvals: three,
    outcome: 'pending',
    codes: ['signatures-missing'],
    missing: ['signatures'],
  },
  {
    name: 'T36 clock started anew',
    facts: facts({ clock: { startedAt: day(90), entry: asLogIndex(80) } }),
    approvals: three,
    outcome: 'pending',
    codes: ['review-period-running'],
    missing: ['time'],
  },
  {
    name: 'clock not running',
    facts: facts({ clock: null }),
    approvals: three,
    outcome: 'pending',
    codes: ['clock-not-running'],
    missing: ['operator-action'],
  },
  {
    name: 'conflict',
    facts: facts({ merge: { state: 'conflict' } }),
    approvals: three,
    outcome: 'fail',
    codes: ['merge-conflict'],
    missing: ['author-action'],
  },
  {
    name: 'merge unknown',
    facts: facts({ merge: { state: 'unknown' } }),
    approvals: three,
    outcome: 'pending',
    codes: ['merge-tree-unknown'],
    missing: ['operator-action'],
  },
  {
    name: 'draft',
    facts: facts({ draft: true, clock: null }),
    approvals: three,
    outcome: 'pending',
    codes: ['draft', 'clock-not-running'],
    missing: ['author-action', 'operator-action'],
  },
  {
    name: 'T07 unknown repository',
    facts: elsewhere,
    approvals: three,
    outcome: 'error',
    codes: ['unknown-repository'],
    missing: ['operator-action'],
  },
  {
    name: 'facts that contradict themselves',
    facts: { ...change, files: [file('docs/other.md')] },
    approvals: three,
    outcome: 'error',
    codes: ['change-digest-mismatch'],
    missing: ['operator-action'],
  },
]

const folder = new URL('../../spec/vectors/evaluate/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(
  new URL('evaluate.json', folder),
  `${JSON.stringify(
    {
      about:
        'evaluate: policy in force, and per case facts, approvals, keyring (where not the common one) and at; the tree must hold `codes`, the list of what is missing must have these kinds in this order',
      policy: inForce(policy),
      keyring,
      cases: cases.map(({ facts: of = change, approvals = [], at = day(100), ...rest }) => ({
        facts: of,
        approvals,
        at,
        ...rest,
      })),
    },
    null,
    1,
  )}\n`,
)
