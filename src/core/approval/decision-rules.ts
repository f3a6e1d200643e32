import type { Action, Decision } from './statement.ts'

/** Which fields a decision carries and which replay rules of formats.md hold for it. */
export interface DecisionRules {
  readonly actions: readonly Action[]
  readonly carries: {
    readonly condition: boolean
    readonly tier: boolean
    readonly target: boolean
    readonly reason: boolean
  }
  /** Rules 3 and 4. A suspension is about a person and holds in every repository of the deployment. */
  readonly bindsPullRequest: boolean
  /** Rules 5 and 6. */
  readonly bindsContent: boolean
  /** Rule 7. */
  readonly bindsRequirement: boolean
  /** Rule 8 at every evaluation. What blocks, or takes back, does not lapse: its end would raise trust without a signature. */
  readonly expires: boolean
}

const onChange: readonly Action[] = ['pull-request', 'policy-change']
const nothing = { condition: false, tier: false, target: false, reason: false }
const bindsAll = { bindsPullRequest: true, bindsContent: true, bindsRequirement: true, expires: true }
const bindsNumber = { bindsPullRequest: true, bindsContent: false, bindsRequirement: false, expires: false }
const bindsNothing = { ...bindsNumber, bindsPullRequest: false }

/**
 * The subject table: one row per decision.
 *
 * `remove-tier` binds the content, more than formats.md asks for, because it lowers what the change needs: signed for
 * one content it must not lower another. It does not bind the requirement, which is what it changes.
 */
export const decisionRules: Readonly<Record<Decision, DecisionRules>> = {
  approve: { actions: onChange, carries: nothing, ...bindsAll },
  attest: { actions: onChange, carries: { ...nothing, condition: true }, ...bindsAll },
  veto: { actions: onChange, carries: { ...nothing, reason: true }, ...bindsNumber },
  withdraw: { actions: onChange, carries: nothing, ...bindsNumber },
  'add-tier': { actions: ['tier-override'], carries: { ...nothing, tier: true, reason: true }, ...bindsNumber },
  'remove-tier': {
    actions: ['tier-override'],
    carries: { ...nothing, tier: true, reason: true },
    ...bindsAll,
    bindsRequirement: false,
  },
  suspend: { actions: ['key-change'], carries: { ...nothing, target: true, reason: true }, ...bindsNothing },
  lift: { actions: ['key-change'], carries: { ...nothing, target: true, reason: true }, ...bindsNothing },
}

export const isDecision = (text: string): text is Decision => Object.hasOwn(decisionRules, text)
