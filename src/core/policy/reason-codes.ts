import type { AdmissionCode } from '../approval/admit.ts'
import type { ReleaseAdmissionCode } from '../approval/admit-release.ts'
import type { CommandFaultCode } from '../approval/command.ts'
import type { EnvelopeFaultCode } from '../approval/envelope.ts'
import type { StandingFaultCode } from '../approval/stands.ts'

/** A reason in words: `text` with `{names}` of the node's data, and what to do next (null: nothing). */
export interface ReasonText {
  readonly text: string
  readonly next: string | null
}

const say = (text: string, next: string | null = null): ReasonText => ({ text, next })

const newChallenge = 'Take a new challenge for the current head and sign that.'
const unaltered = 'Sign the payload of the challenge exactly as it was given, byte for byte.'

/** Why a signed statement or a command is refused, or does not count. */
const statementCodes = {
  'too-large': say('The statement is larger than any statement is.', unaltered),
  'not-json': say('The statement is no strict JSON.', unaltered),
  'not-canonical': say('The statement is not written in its one canonical form.', unaltered),
  'wrong-type': say('This is no in-toto Statement v1.', unaltered),
  'wrong-predicate-type': say('This is no approval statement of a version that is known here.', unaltered),
  'wrong-payload-type': say('The envelope holds another type of payload.', unaltered),
  'not-one-signature': say('The envelope must hold exactly one signature.', 'Send one envelope per signature.'),
  'unknown-field': say('The statement has a field that its decision does not carry.', unaltered),
  'missing-field': say('The statement lacks a field that its decision carries.', unaltered),
  'malformed-field': say('A field of the statement has a value that it cannot have.', unaltered),
  'subject-contradicts-predicate': say('The subject of the statement is not the head that it speaks of.', unaltered),
  'wrong-action': say('The action does not go with the decision, or not with this repository.', newChallenge),
  'not-supported': say('Statements of this action are not supported in this version.'),
  'wrong-audience': say('The statement is for another deployment.', 'Take the challenge from this deployment.'),
  'wrong-epoch': say('The statement names a policy that is not in force yet.', newChallenge),
  'wrong-repository': say('The statement is for another repository.', newChallenge),
  'wrong-number': say('The statement is for another pull request.', newChallenge),
  'wrong-head': say('The statement is for other content than the current head.', newChallenge),
  'wrong-tree': say('The statement names another tree than the head has.', newChallenge),
  'wrong-base': say('The statement is for another base branch.', newChallenge),
  'wrong-tag': say('The statement is for a release with another tag.', newChallenge),
  'wrong-revision': say('The statement is for a release of another revision.', newChallenge),
  'wrong-artifacts': say('The statement is for a release of other artefacts.', newChallenge),
  'revision-not-matched': say(
    'The log holds no landing of this revision on a governed branch that a passing verdict explains.',
    'Release the commit with which a change landed as it had passed.',
  ),
  'requirement-changed': say('The change now needs less than, or other persons than, what was signed.', newChallenge),
  'issued-in-future': say(
    'The statement says that it was issued in the future.',
    'Check the clock, then take a new challenge.',
  ),
  'lifetime-empty': say('The statement expires before it was issued.', newChallenge),
  'lifetime-too-long': say('The statement is valid for longer than the policy allows.', newChallenge),
  expired: say('The statement has expired.', newChallenge),
  'unknown-nonce': say(
    'The nonce was not issued for this head and signer, or a newer statement has replaced it.',
    newChallenge,
  ),
  'nonce-used': say('The nonce has been used.', newChallenge),
  'duplicate-statement': say('This statement is recorded already; it counts once.'),
  'condition-not-asked': say(
    'The change does not ask for this condition.',
    'Look at what is missing with /governance-status.',
  ),
  'rationale-too-short': say('A rationale has at least 100 characters.', 'Write more, and sign it again.'),
  'bad-signature': say(
    'The signature does not verify with the key that is registered.',
    'Sign the exact bytes with the key of the challenge.',
  ),
  'unknown-tier': say('The policy has no tier of this name.', 'Use a tier that `governance policy show` lists.'),
  'key-unknown': say('The key is not one of this person’s registered keys.', 'Sign with a registered key.'),
  'key-removed': say(
    'The key, or the person, is no longer in the registry.',
    'Sign with a key that is registered now.',
  ),
  'key-not-yet-valid': say('The key was not valid yet.', 'Wait until the key is valid, or sign with another one.'),
  'key-expired': say('The key had expired.', 'Sign with a key that is valid.'),
  'key-revoked': say('The key is revoked.', 'Sign with another registered key.'),
  'key-compromised': say('The key was compromised at that time.', 'Sign with another registered key.'),
  'key-suspended': say(
    'The person is suspended.',
    'The suspension is lifted by a policy change or by its signers plus one.',
  ),
  'not-in-set': say('The person is not one of those who may sign here.'),
  superseded: say('A later statement of the same person replaces this one.'),
  withdrawn: say('Its signer has withdrawn it.'),
  'own-veto-stands': say('The same person’s veto stands.', 'Withdraw the veto, then approve again.'),
  'author-of-change': say('An author of the change does not count ({role}).'),
  'unattributed-commit-not-denied': say(
    'Commit {commit} names nobody, and the signer does not say that it is not theirs.',
    'Take a new challenge: it lists the commits to deny.',
  ),
} as const satisfies Record<AdmissionCode | ReleaseAdmissionCode | StandingFaultCode | EnvelopeFaultCode, ReasonText> &
  Record<string, ReasonText>

/** Why a comment is not taken as a command. */
const commandCodes = {
  'comment-too-long': say('The comment is too long to be a command.'),
  'unknown-command': say('There is no such command.', 'Write /governance-help for a list.'),
  'second-command': say('A comment holds one command.', 'Write each command in a comment of its own.'),
  'unexpected-argument': say('The command has an argument too many.', 'Write /governance-help for its form.'),
  'statement-missing': say('What acts must be signed.', 'Take a challenge, sign it, and paste the result.'),
  'malformed-payload': say(
    'The statement in the command is no base64url.',
    'Paste it in one piece, on the first line.',
  ),
  'malformed-signature': say(
    'The signature in the command is neither base64 nor hex.',
    'Paste it in one piece, on the first line.',
  ),
  'malformed-reasoning': say('The reasoning must stand in double quotes at the end of the line.'),
} as const satisfies Record<CommandFaultCode, ReasonText>

/** The nodes of a verdict. */
const verdictCodes = {
  'merge-allowed': say('This change may be merged.'),
  'merge-waits': say('This change may not be merged yet.'),
  'merge-refused': say('This change may not be merged.'),
  'not-decidable': say('This change cannot be judged.'),
  classified: say('Layer {layer}.'),
  tier: say('Tier {tier}: {because}.'),
  'tier-added': say('Tier {tier} was added by {account}.'),
  'tier-removed': say('Tier {tier} was removed by the whole quorum ({counted} of {required}).'),
  'tier-removal-incomplete': say(
    'Tier {tier} stays: its removal has {counted} of {required} signatures.',
    'The whole quorum of the change has to sign the removal.',
  ),
  required: say('Required: {quorums}; {reviewDays} days of review.'),
  'quorum-met': say('{counted} of {required} signatures from {set}.'),
  'signatures-missing': say(
    '{counted} of {required} signatures from {set}.',
    'Maintainers of the set sign a challenge.',
  ),
  'quorum-unreachable': say(
    '{counted} of {required} signatures from {set}, and only {reachable} can be reached.',
    'The set needs more persons, or usable keys, by a policy change.',
  ),
  'no-registry': say('Nobody is registered in {set}.', 'Register its maintainers by a policy change.'),
  'statement-counts': say('{account} signed (entry {entry}).'),
  'review-period-met': say('The review period of {days} days is over.'),
  'review-period-running': say('The review period of {days} days ends at {until}.', 'Wait.'),
  'public-comment-met': say('The public comment period of {days} days is over.'),
  'public-comment-running': say('The public comment period of {days} days ends at {until}.', 'Wait.'),
  'clock-not-running': say(
    'The review clock does not run.',
    'It starts when the content is recorded as the head of an open pull request that is no draft.',
  ),
  'condition-met': say('{condition}: attested by {account} (entry {entry}).'),
  'condition-unmet': say(
    '{condition}: not attested.',
    'A maintainer of the change who is no author signs an attestation.',
  ),
  'check-met': say('Check {name} is good.'),
  'check-missing': say('Check {name} of App {appId} has not run on this head.', 'Run it.'),
  'check-running': say('Check {name} is running.', 'Wait.'),
  'check-failed': say('Check {name} says {conclusion}.', 'Repair the change or run the check again.'),
  'check-wrong-workflow': say(
    'Check {name} comes from another workflow than the policy names.',
    'Run the named workflow.',
  ),
  'check-author-controlled': say(
    'Check {name} is good, but the author of the change controls what it runs.',
    'A maintainer of the change who is no author looks at it and signs an attestation.',
  ),
  vetoed: say('Vetoed by {account} on #{number} (entry {entry}).', 'Only its signer withdraws a veto.'),
  'veto-outvoted': say('The veto of {account} is out-voted.'),
  'veto-fallen': say('A veto of {account} does not stand.'),
  'merge-clean': say('It merges without conflict.'),
  'merge-conflict': say('It conflicts with the base branch.', 'The author resolves the conflict.'),
  'merge-tree-unknown': say('The forge has not tried the merge yet.', 'Wait; it is asked again.'),
  'pull-request-closed': say('The pull request is closed.', 'Reopen it; its review clock starts anew.'),
  'pull-request-merged': say('The pull request is merged.'),
  draft: say('The pull request is a draft.', 'Mark it as ready for review; its review clock then starts.'),
  'base-not-in-force': say(
    'The branch holds policy files that are not in force: {paths}.',
    'Restore the files of commit {commit}; nothing else can pass until then.',
  ),
  'proposed-policy-faults': say('The proposed policy has faults: {faults}.', 'Run `governance policy lint`.'),
  'proposed-policy-unreadable': say('The proposed policy cannot be read.', 'Run `governance policy lint`.'),
  'proposed-policy-sound': say('The proposed policy can take effect as epoch {epoch}.'),
  'unknown-repository': say('The policy does not know the repository {repository}.', 'Add it by a policy change.'),
  'unknown-layer': say('The policy does not know layer {layer}.', 'Repair the policy.'),
  'no-quorum': say('The policy asks for no signature at all.', 'Repair the policy.'),
  'governance-facts-missing': say(
    'Nothing is known about the policy files of this change.',
    'The facts are read again.',
  ),
  'change-digest-mismatch': say('The facts contradict themselves.', 'The facts are read again.'),
  'policy-digest-mismatch': say('The policy is not the one that its digest names.', 'Stop, and look for tampering.'),
} as const satisfies Record<string, ReasonText>

/** Why a server did not come to judge at all, or did not look at a statement. */
const serverCodes = {
  'clock-untrusted': say(
    'Nobody knows what time it is: the clock of the server, the forge and the log disagree by more than a minute.',
    'The operator sets the clock of the server right; it is decided again by itself.',
  ),
  'facts-incomplete': say(
    'The forge cannot list this change completely, and part of a change is never judged.',
    'Split the change: the forge lists at most 3,000 files and 250 commits.',
  ),
  'facts-unavailable': say(
    'The forge could not be read for more than ten minutes.',
    'It is tried again; the operator finds the cause with `governance doctor`.',
  ),
  'no-policy': say('No policy is in force.', 'The operator runs `governance init`.'),
  'not-governed': say('This repository is not governed here.'),
  'no-open-challenge': say(
    'The signature belongs to no challenge that is open now.',
    'Paste the whole line, statement and signature, that the signing commands print.',
  ),
  'wrong-command': say(
    'The statement decides something else than the command says.',
    'Use the command that was printed with the statement.',
  ),
  'commenter-not-signer': say(
    'The policy wants the person who signed to write the comment.',
    'Comment with the account that the key is registered for.',
  ),
} as const satisfies Record<string, ReasonText>

/** Every code that a verdict, an admission, a command or the server can answer, in words. */
export const reasonCodes = { ...statementCodes, ...commandCodes, ...verdictCodes, ...serverCodes } as const

export type ReasonCode = keyof typeof reasonCodes

/** The words of a code; undefined for one that this version does not know. */
export const reasonText = (code: string): ReasonText | undefined =>
  Object.hasOwn(reasonCodes, code) ? reasonCodes[code as ReasonCode] : undefined
