import type { Finding } from '../../core/index.ts'

type Data = Finding['data']

const texts: Readonly<Record<string, (data: Data) => string>> = {
  'placeholder-key': (d) => `${d.login} (${d.set}): the public key is a placeholder`,
  'published-test-key': (d) => `${d.login} (${d.set}): the public key is a published test key`,
  'malformed-key': (d) => `${d.login} (${d.set}): the public key cannot be read`,
  'x-only-key': (d) => `${d.login} (${d.set}): the public key is an x coordinate alone`,
  'not-on-curve': (d) => `${d.login} (${d.set}): the public key is no point of the curve`,
  infinity: (d) => `${d.login} (${d.set}): the public key is the point at infinity`,
  'unsupported-scheme': (d) => `${d.login} (${d.set}): this version does not verify the key's scheme`,
  'expired-key': (d) => `${d.login} (${d.set}): the key has expired`,
  'key-not-yet-valid': (d) => `${d.login} (${d.set}): the key is not valid yet`,
  'account-missing': (d) => `${d.login} (${d.set}): the numeric account id is missing`,
  'duplicate-key': (d) => `${d.login} (${d.set}) has the same key as ${d.otherLogin} (${d.otherSet})`,
  'key-in-several-sets': (d) => `${d.login} has the same key in ${d.otherSet} and ${d.set}`,
  'person-listed-twice': (d) => `${d.login} is listed twice in ${d.set}`,
  'login-with-two-accounts': (d) => `${d.login} has another id in ${d.set} than in ${d.otherSet}`,
  'account-with-two-logins': (d) => `${d.login} (${d.set}) has the same id as ${d.otherLogin} (${d.otherSet})`,
  'unreachable-cell': (d) =>
    `layer ${d.layer}, tier ${d.tier}: ${d.required} of ${d.set} are needed, ${d.persons} are registered`,
  'unreachable-with-author': (d) =>
    `layer ${d.layer}, tier ${d.tier}: all ${d.persons} of ${d.set} are needed, so none of them can be the author`,
  'layer-0-unreachable': (d) => `layer 0: ${d.required} of ${d.set} are needed, ${d.signers} have a usable key`,
  'no-registry': (d) => `${d.set} has no registered persons`,
  'required-exceeds-total': (d) => `${d.required} of ${d.total} are asked for`,
  'total-differs': (d) => `the stated total is ${d.total}, but ${d.set} has ${d.persons} persons`,
  'consensus-period-shorter': (d) =>
    `layer ${d.layer}: ${d.consensusReviewDays} days for consensus changes are less than ${d.reviewDays}`,
  'public-comment-exceeds-review': (d) =>
    `layer ${d.layer}: ${d.publicCommentDays} days of public comment are more than ${d.reviewDays} of review`,
  'tier-shortens-nothing': (d) =>
    `tier ${d.tier} states ${d.tierDays} days; layer ${d.layer} keeps its ${d.reviewDays} days`,
  'tier-without-patterns': (d) => `no file pattern gives tier ${d.tier}`,
  'emergency-tier-by-path': () => 'the patterns and keywords of tier 4 are not applied',
  'emergency-unreachable': (d) => `${d.tier}: ${d.required} keyholders are needed, ${d.persons} are registered`,
  'emergency-outlived-by-review': (d) =>
    `${d.tier}: ${d.reviewDays} days of review outlast its ${d.maxDurationDays} days`,
}

/** Says a linter's finding in one line. A code without a text of its own is said with its data. */
export function findingText(finding: Pick<Finding, 'code' | 'data'>): string {
  const text = Object.hasOwn(texts, finding.code) ? texts[finding.code] : undefined
  return text === undefined ? `${finding.code} ${JSON.stringify(finding.data)}` : text(finding.data)
}
