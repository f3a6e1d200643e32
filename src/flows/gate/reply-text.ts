import {
  type CommitId,
  type Decision,
  explain,
  type LogIndex,
  reasonText,
  type ReleaseDecided,
  type ReleaseDecision,
  type Verdict,
} from '../../core/index.ts'

/** What became of a command. */
export type CommandOutcome =
  | { readonly kind: 'help'; readonly code: null }
  | { readonly kind: 'malformed'; readonly code: string }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string | null }
  | {
      readonly kind: 'admitted'
      readonly decision: Decision
      readonly verdict: Verdict
      readonly headSha: CommitId
      readonly entry: LogIndex
    }
  | {
      readonly kind: 'release-admitted'
      readonly decision: ReleaseDecision
      readonly tag: string
      readonly entry: LogIndex
      readonly decided: ReleaseDecided
    }

const done: Readonly<Record<Decision, string>> = {
  approve: 'Your approval is recorded',
  attest: 'Your attestation is recorded',
  veto: 'Your veto is recorded; it blocks this pull request until you withdraw it',
  withdraw: 'Your withdrawal is recorded: none of your earlier votes here counts any more',
  suspend: 'Your suspension statement is recorded',
  lift: 'Your statement to lift the suspension is recorded',
  'add-tier': 'Your tier is added to this pull request',
  'remove-tier': 'Your vote to remove the tier is recorded; it takes effect when the whole quorum signed the same',
}

const doneOnRelease: Readonly<Record<ReleaseDecision, string>> = {
  approve: 'Your approval of release',
  veto: 'Your veto, which blocks until you withdraw it, of release',
  withdraw: 'Your withdrawal of every earlier vote on release',
}

const help = [
  'Commands, each alone on the first line of a new comment:',
  '',
  '- `/governance-sign <statement> <signature>`: approve. The status comment above prints the exact commands that make this line.',
  '- `/governance-attest <statement> <signature>`: say that a condition is met.',
  '- `/governance-veto <statement> <signature>` and `/governance-withdraw <statement> <signature>`.',
  '- `/governance-tier <statement> <signature>`: add a tier (one maintainer) or vote to remove one (the whole quorum).',
  '- `/governance-suspend <statement> <signature>`: stop a key from counting, at once.',
  '- `/governance-status`: bring the status comment up to date. `/governance-help`: this text.',
  '',
  '`governance approval challenge` and `governance approval sign` make statement and signature for all of them.',
]

/** A short login as inert text: no mention, no markup. Logins are data. */
const inert = (text: string): string => `\`${text.replace(/[^A-Za-z0-9_[\]-]/g, '').slice(0, 60)}\``

/** A code in words, and what to do next. */
function wordsOf(code: string): string {
  const words = reasonText(code)
  return words === undefined ? '' : [words.text, words.next].filter((part) => part !== null).join(' ')
}

/** How a release stands, in a few words. */
function releaseStanding({ isMet, quorums, vetoedBy }: ReleaseDecided): string {
  if (vetoedBy.length > 0) return 'blocked by a veto'
  const counts = quorums.map(({ quorum, persons }) => `${persons.length} of ${quorum.required} signatures`).join(', ')
  return isMet ? `${counts}; it can be signed` : counts
}

/** The one reply to a command: what happened, and what to do next. */
export function replyText(outcome: CommandOutcome, login: string): string {
  switch (outcome.kind) {
    case 'help':
      return help.join('\n')
    case 'malformed':
      return `${inert(login)}: that is not a command I can run (\`${outcome.code}\`). ${wordsOf(outcome.code)}\n\n\`/governance-help\` lists the commands.`
    case 'refused':
      return `${inert(login)}: refused (\`${outcome.code}\`${outcome.detail === null ? '' : `, \`${outcome.detail.replace(/[^A-Za-z0-9_./:-]/g, '')}\``}). ${wordsOf(outcome.code)}`
    case 'admitted':
      return `${inert(login)}: ${done[outcome.decision]} as entry ${outcome.entry} of the decision log, for head \`${outcome.headSha}\`. Now: ${explain(outcome.verdict, 'markdown').title}.`
    case 'release-admitted':
      return `${inert(login)}: ${doneOnRelease[outcome.decision]} \`${outcome.tag}\` is recorded as entry ${outcome.entry} of the decision log. Now: ${releaseStanding(outcome.decided)}.`
  }
}
