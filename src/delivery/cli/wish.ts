import type { Command } from 'commander'
import { readFileSync } from 'node:fs'
import {
  asAccountId,
  asSha256,
  type CheckConditionId,
  type ConditionId,
  decisionRules,
  encodeUtf8,
  isDecision,
  sha256Hex,
} from '../../core/index.ts'
import type { Wish } from '../../flows/gate/wish.ts'
import { UsageError } from './refusal.ts'

/** The options with which a signer says what to sign; without any it is an approval. */
export interface DecisionOptions {
  readonly decision?: string
  readonly condition?: string
  readonly evidenceUri?: string
  readonly evidenceFile?: string
  readonly evidenceDigest?: string
  readonly text?: string
  readonly tier?: string
  readonly target?: string
  readonly reason?: string
}

/** Adds the options of a decision to a command. */
export const withDecision = (command: Command): Command =>
  command
    .option('--decision <DECISION>', `what to sign: ${Object.keys(decisionRules).join(', ')} (default: approve)`)
    .option('--condition <ID>', 'attest: the condition that is met')
    .option('--evidence-uri <URI>', 'attest: where the evidence lies')
    .option('--evidence-file <FILE>', 'attest: the evidence itself; its SHA-256 is signed')
    .option('--evidence-digest <SHA256>', 'attest: SHA-256 of the evidence, where the file is not at hand')
    .option('--text <TEXT>', 'attest --condition rationale: the rationale, at least 100 characters')
    .option('--tier <TIER>', 'add-tier, remove-tier: which tier')
    .option('--target <ACCOUNT>', 'suspend, lift: numeric account id of the person whose keys are meant')
    .option('--reason <TEXT>', 'veto, add-tier, remove-tier, suspend, lift: why')

const carriedNames = [
  'condition',
  'evidenceUri',
  'evidenceFile',
  'evidenceDigest',
  'text',
  'tier',
  'target',
  'reason',
] as const

/** Reads the options, all problems at once; null when none is given. @throws UsageError */
export function wishOf(options: DecisionOptions): Wish | null {
  if (options.decision === undefined && carriedNames.every((name) => options[name] === undefined)) return null
  const decision = options.decision ?? 'approve'
  if (!isDecision(decision))
    throw new UsageError(`--decision ${decision} is none of ${Object.keys(decisionRules).join(', ')}`)
  const { carries } = decisionRules[decision]
  const problems: string[] = []
  const isRationale = options.condition === 'rationale'
  const given: Readonly<Record<string, readonly [boolean, string | undefined]>> = {
    '--condition': [carries.condition, options.condition],
    '--tier': [carries.tier, options.tier],
    '--target': [carries.target, options.target],
    '--reason': [carries.reason, options.reason],
    '--evidence-uri': [carries.condition && !isRationale, options.evidenceUri],
    '--text': [carries.condition && isRationale, options.text],
  }
  for (const [name, [wanted, value]] of Object.entries(given)) {
    if (wanted && value === undefined) problems.push(`--decision ${decision} needs ${name}`)
    if (!wanted && value !== undefined && !(isRationale && name === '--evidence-uri'))
      problems.push(`--decision ${decision} takes no ${name}`)
  }
  const hasEvidence = options.evidenceFile !== undefined || options.evidenceDigest !== undefined
  if (carries.condition && !isRationale && !hasEvidence)
    problems.push(`--decision ${decision} needs --evidence-file or --evidence-digest`)
  if (!carries.condition && hasEvidence) problems.push(`--decision ${decision} takes no evidence`)
  if (options.target !== undefined && !/^[1-9]\d{0,15}$/.test(options.target))
    problems.push('--target is the numeric account id')
  if (options.evidenceDigest !== undefined && !/^[0-9a-f]{64}$/.test(options.evidenceDigest))
    problems.push('--evidence-digest is 64 lower-case hex digits')
  if (problems.length > 0) throw new UsageError(...problems)
  return {
    decision,
    ...(options.tier === undefined ? {} : { tier: options.tier }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.target === undefined ? {} : { target: asAccountId(Number(options.target)) }),
    ...(options.condition === undefined ? {} : { condition: conditionOf(options.condition, options) }),
  }
}

function conditionOf(id: string, options: DecisionOptions): NonNullable<Wish['condition']> {
  const condition = { id: id as ConditionId | CheckConditionId, uri: options.evidenceUri ?? null }
  if (options.text !== undefined)
    return { ...condition, text: options.text, digest: sha256Hex(encodeUtf8(options.text)) }
  const { evidenceFile, evidenceDigest } = options
  let digest = evidenceDigest === undefined ? null : asSha256(evidenceDigest)
  if (evidenceFile !== undefined) {
    const computed = sha256Hex(readFileSync(evidenceFile))
    if (digest !== null && digest !== computed)
      throw new UsageError(`--evidence-digest is not the SHA-256 of ${evidenceFile}`)
    digest = computed
  }
  if (digest === null) throw new UsageError('no evidence is given')
  return { ...condition, digest }
}
