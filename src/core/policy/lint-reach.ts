import { parsePublicKey } from '../crypto/public-key.ts'
import { isSignatureScheme } from '../crypto/signature-schemes.ts'
import type { Finding, LintOptions } from './finding.ts'
import { ownMember } from './own-member.ts'
import type { PolicyV1, Quorum, SetId, TierId } from './policy-v1.ts'
import { combineQuorums } from './requirement.ts'
import { pointer } from '../bytes/shape.ts'

const personsIn = (policy: PolicyV1, set: SetId): number =>
  new Set((ownMember(policy.sets, set)?.persons ?? []).map((login) => login.toLowerCase())).size

/** Persons of a set who have an active key that can be used at that moment. */
function signersIn(policy: PolicyV1, set: SetId, options: LintOptions): number {
  const signers = new Set<string>()
  for (const key of policy.registry) {
    if (key.set !== set || key.status !== 'active' || key.revokedAt !== null || key.compromisedSince !== null) continue
    if (options.at !== undefined && key.expires !== null && key.expires <= options.at) continue
    if (isSignatureScheme(key.scheme) && parsePublicKey(key.publicKey, key.scheme).ok)
      signers.add(key.login.toLowerCase())
  }
  return signers.size
}

interface CellFinding {
  readonly code: string
  readonly severity: Finding['severity']
  readonly remedy: string
}

const unreachable: CellFinding = {
  code: 'unreachable-cell',
  severity: 'error',
  remedy: 'Register more persons in the set, or change the threshold; until then such changes stay pending.',
}
const unreachableWithAuthor: CellFinding = {
  code: 'unreachable-with-author',
  severity: 'warning',
  remedy: 'When a member of the set is the author, one person more is needed than the set has.',
}

/** Cells of layers and tiers that the declared persons cannot reach, at all or when one of them is the author. */
export function lintCells(policy: PolicyV1): Finding[] {
  const findings: Finding[] = []
  const report = (kind: CellFinding, layer: string, tier: TierId, quorum: Quorum, persons: number): void => {
    const { set, required } = quorum
    findings.push({
      code: kind.code,
      severity: kind.severity,
      blocks: false,
      path: pointer('/layers', layer),
      data: { layer, tier, set, required, persons },
      remedy: kind.remedy,
    })
  }
  for (const [layerId, layer] of Object.entries(policy.layers)) {
    if (layerId === '0') continue
    for (const [tierId, tier] of Object.entries(policy.tiers)) {
      for (const quorum of combineQuorums(layer, [tier])) {
        const persons = personsIn(policy, quorum.set)
        if (persons < quorum.required) report(unreachable, layerId, tierId, quorum, persons)
        else if (persons === quorum.required && !policy.options.authorsMayApprove)
          report(unreachableWithAuthor, layerId, tierId, quorum, persons)
      }
    }
  }
  return findings
}

/** Whether usable keys reach the quorum of layer 0: without it no policy could ever be changed again. */
export function lintLayerZero(policy: PolicyV1, options: LintOptions): Finding[] {
  const findings: Finding[] = []
  for (const [index, { set, required }] of (ownMember(policy.layers, '0')?.quorums ?? []).entries()) {
    const signers = signersIn(policy, set, options)
    if (signers >= required) continue
    findings.push({
      code: 'layer-0-unreachable',
      severity: 'error',
      blocks: true,
      path: `/layers/0/quorums/${index}`,
      data: { set, required, signers, persons: personsIn(policy, set) },
      remedy: 'Register usable keys of enough persons: nobody could change such a policy again.',
    })
  }
  return findings
}

/** Sets without persons, stated totals that differ from the registry, and thresholds above their own total. */
export function lintSets(policy: PolicyV1): Finding[] {
  const findings: Finding[] = []
  for (const [set, { persons }] of Object.entries(policy.sets)) {
    if (persons.length > 0) continue
    findings.push({
      code: 'no-registry',
      severity: 'error',
      blocks: false,
      path: pointer('/sets', set),
      data: { set },
      remedy: `Add config/maintainers/${set}.yml: without it nobody can sign and every such change stays pending.`,
    })
  }
  const stated: { readonly path: string; readonly quorum: Quorum; readonly hasSet: boolean }[] = []
  for (const [layerId, { quorums }] of Object.entries(policy.layers)) {
    for (const [index, quorum] of quorums.entries()) {
      stated.push({ path: `${pointer('/layers', layerId)}/quorums/${index}`, quorum, hasSet: true })
    }
  }
  for (const [tierId, { set, required, total }] of Object.entries(policy.tiers)) {
    stated.push({ path: pointer('/tiers', tierId), quorum: { set: set ?? '', required, total }, hasSet: set !== null })
  }
  for (const { path, quorum, hasSet } of stated) {
    const { set, required, total } = quorum
    if (required > total) {
      findings.push({
        code: 'required-exceeds-total',
        severity: 'error',
        blocks: false,
        path,
        data: { required, total },
        remedy: 'Correct the threshold: it asks for more signatures than it says there are persons.',
      })
    }
    const persons = personsIn(policy, set)
    if (hasSet && persons > 0 && persons !== total) {
      findings.push({
        code: 'total-differs',
        severity: 'warning',
        blocks: false,
        path,
        data: { set, total, persons },
        remedy: 'The required count holds over the registered persons; correct the stated total.',
      })
    }
  }
  return findings
}
