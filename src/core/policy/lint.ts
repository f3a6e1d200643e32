import { emergencyActionTier } from './compiled-policy.ts'
import type { Finding, LintOptions, Severity } from './finding.ts'
import { lintKeys } from './lint-keys.ts'
import { lintCells, lintLayerZero, lintSets } from './lint-reach.ts'
import { ownMember } from './own-member.ts'
import type { PolicyV1 } from './policy-v1.ts'
import { pointer } from '../bytes/shape.ts'

type Report = (code: string, severity: Severity, path: string, data: Finding['data'], remedy: string) => void

function lintPeriods(policy: PolicyV1, report: Report): void {
  for (const [id, layer] of Object.entries(policy.layers)) {
    const path = pointer('/layers', id)
    const { reviewDays, consensusReviewDays, publicCommentDays } = layer
    if (consensusReviewDays !== null && consensusReviewDays < reviewDays) {
      const remedy = 'The longer of the two holds; give consensus changes at least the review period of their layer.'
      report(
        'consensus-period-shorter',
        'warning',
        `${path}/consensusReviewDays`,
        { layer: id, consensusReviewDays, reviewDays },
        remedy,
      )
    }
    if (publicCommentDays > reviewDays) {
      const remedy = 'Both periods must pass; a public comment longer than the review decides the date alone.'
      report(
        'public-comment-exceeds-review',
        'warning',
        `${path}/publicCommentDays`,
        { layer: id, publicCommentDays, reviewDays },
        remedy,
      )
    }
    for (const [tierId, tier] of Object.entries(policy.tiers)) {
      if (tierId !== emergencyActionTier || tier.reviewDays >= reviewDays || id === '0') continue
      const remedy = 'No tier shortens a review: the longer period holds, and only an active emergency tier is shorter.'
      report(
        'tier-shortens-nothing',
        'info',
        `${pointer('/tiers', tierId)}/reviewDays`,
        { layer: id, tier: tierId, tierDays: tier.reviewDays, reviewDays },
        remedy,
      )
    }
  }
}

function lintClassification(policy: PolicyV1, report: Report): void {
  const ownRules = Object.values(policy.repositories).flatMap(({ classification }) => classification)
  const withPatterns = new Set(
    [...policy.classification.rules, ...ownRules].filter((rule) => rule.patterns.length > 0).map((rule) => rule.tier),
  )
  for (const tier of Object.keys(policy.tiers)) {
    if (tier === emergencyActionTier || withPatterns.has(tier)) continue
    const remedy = 'The tier comes by signed statement, word or marker only; add file_patterns to give it to files.'
    report('tier-without-patterns', 'info', pointer('/tiers', tier), { tier }, remedy)
  }
  for (const [index, rule] of policy.classification.rules.entries()) {
    if (rule.tier !== emergencyActionTier || rule.patterns.length + rule.keywords.length === 0) continue
    const remedy = 'Neither path nor word gives tier 4; such files get the fallback tier.'
    report('emergency-tier-by-path', 'info', `/classification/rules/${index}`, { tier: rule.tier }, remedy)
  }
}

function lintEmergency(policy: PolicyV1, report: Report): void {
  const keyholders = new Set(ownMember(policy.sets, 'emergency')?.persons ?? []).size
  for (const [id, tier] of Object.entries(policy.emergency)) {
    const path = pointer('/emergency', id)
    if (tier.activationRequired > keyholders) {
      report(
        'emergency-unreachable',
        'error',
        `${path}/activationRequired`,
        { tier: id, required: tier.activationRequired, persons: keyholders },
        'Register enough keyholders in config/maintainers/emergency.yml, or lower the activation threshold.',
      )
    }
    if (tier.reviewDays > tier.maxDurationDays) {
      report(
        'emergency-outlived-by-review',
        'warning',
        `${path}/reviewDays`,
        { tier: id, reviewDays: tier.reviewDays, maxDurationDays: tier.maxDurationDays },
        'The tier expires before its own review period ends; no change could pass under it.',
      )
    }
  }
}

/**
 * Says what is wrong, doubtful or surprising in a policy that can be read: cells nobody can reach, keys that cannot be
 * used, totals and periods that contradict each other.
 *
 * Checks: nothing that stops a command; `checkPolicy` does that. A finding with `blocks` keeps the policy from taking
 * effect. Order: keys, layer 0, sets, cells, periods, classification, emergency.
 */
export function lintPolicy(policy: PolicyV1, options: LintOptions = {}): readonly Finding[] {
  const rest: Finding[] = []
  const report: Report = (code, severity, path, data, remedy) => {
    rest.push({ code, severity, blocks: false, path, data, remedy })
  }
  lintPeriods(policy, report)
  lintClassification(policy, report)
  lintEmergency(policy, report)
  return [
    ...lintKeys(policy, options),
    ...lintLayerZero(policy, options),
    ...lintSets(policy),
    ...lintCells(policy),
    ...rest,
  ]
}

/** Whether these findings keep a policy from taking effect. */
export const blocksTakingEffect = (findings: readonly { readonly blocks: boolean }[]): boolean =>
  findings.some((finding) => finding.blocks)
