import { encodeHex } from '../bytes/hex.ts'
import { utf8Length } from '../bytes/utf8.ts'
import { parseWitnessKey, type WitnessKey } from './cosignature.ts'
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts'

/** A log whose heads a policy accepts. */
export interface PolicyLog {
  readonly key: VerifierKey
  readonly url: string | null
}

/** A witness under the name that the policy gives it. */
export interface PolicyWitness {
  readonly name: string
  readonly key: WitnessKey
  readonly url: string | null
}

/** Witnessed when at least `threshold` of the members are: witnesses or groups defined before. */
export interface WitnessGroup {
  readonly name: string
  readonly threshold: number
  readonly members: readonly string[]
}

/** Who must have cosigned a head before it counts. `quorum` names a witness or a group; null is the rule `none`. */
export interface WitnessPolicy {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly WitnessGroup[]
  readonly quorum: string | null
}

/** Why a policy text is refused. */
export type WitnessPolicyFaultCode =
  | 'policy-too-large'
  | 'policy-control-character'
  | 'policy-line-unterminated'
  | 'policy-line-unknown'
  | 'policy-line-malformed'
  | 'policy-log-key'
  | 'policy-log-twice'
  | 'policy-witness-key'
  | 'policy-witness-twice'
  | 'policy-name-reserved'
  | 'policy-name-twice'
  | 'policy-name-unknown'
  | 'policy-member-twice'
  | 'policy-threshold'
  | 'policy-quorum-missing'
  | 'policy-quorum-twice'

/** One fault and the line it stands in, counted from 1. */
export interface WitnessPolicyFault {
  readonly line: number
  readonly code: WitnessPolicyFaultCode
}

/** The policy, or everything that is wrong with it. */
export type ParsedWitnessPolicy =
  | { readonly ok: true; readonly policy: WitnessPolicy }
  | { readonly ok: false; readonly faults: readonly WitnessPolicyFault[] }

const maxPolicyBytes = 65_536
const maxLines = 1_000
const reservedName = 'none'

function hasForbiddenCharacter(line: string): boolean {
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true
  }
  return false
}

const fieldsOf = (line: string): readonly string[] => line.split(/[ \t]+/).filter((field) => field !== '')

/** How many of its members a group asks for; 0 when it says nothing that can be read. */
function thresholdOf(rule: string, members: readonly string[]): number {
  const counts = /^[1-9][0-9]{0,5}$/.test(rule) ? Number(rule) : 0
  return rule === 'any' ? 1 : rule === 'all' ? members.length : counts
}

/** Reads line after line and keeps what was defined so far: a line may only name what stands before it. */
class PolicyReader {
  readonly faults: WitnessPolicyFault[] = []
  readonly logs: PolicyLog[] = []
  readonly witnesses: PolicyWitness[] = []
  readonly groups: WitnessGroup[] = []
  quorum: string | null | undefined
  private readonly names = new Set<string>()
  private readonly members = new Set<string>()
  private line = 0

  read(text: string): void {
    this.line++
    const [keyword, ...values] = fieldsOf(text)
    if (hasForbiddenCharacter(text)) this.fault('policy-control-character')
    else if (keyword === undefined || keyword.startsWith('#')) return
    else if (keyword === 'log') this.readLog(values)
    else if (keyword === 'witness') this.readWitness(values)
    else if (keyword === 'group') this.readGroup(values)
    else if (keyword === 'quorum') this.readQuorum(values)
    else this.fault('policy-line-unknown')
  }

  end(): void {
    if (this.quorum === undefined && !this.faults.some(({ code }) => code === 'policy-quorum-twice'))
      this.faults.push({ line: this.line, code: 'policy-quorum-missing' })
  }

  private fault(code: WitnessPolicyFaultCode): void {
    this.faults.push({ line: this.line, code })
  }

  private readLog([line, url, ...more]: readonly string[]): void {
    if (line === undefined || more.length > 0) return this.fault('policy-line-malformed')
    const key = parseVerifierKey(line)
    if (key === undefined) return this.fault('policy-log-key')
    if (this.logs.some((log) => isSameKey(log.key, key))) return this.fault('policy-log-twice')
    this.logs.push({ key, url: url ?? null })
  }

  private readWitness([name, line, url, ...more]: readonly string[]): void {
    if (name === undefined || line === undefined || more.length > 0) return this.fault('policy-line-malformed')
    const key = parseWitnessKey(line)
    const isNew = this.define(name)
    if (key === undefined) return this.fault('policy-witness-key')
    if (this.witnesses.some((witness) => isSameKey(witness.key, key))) return this.fault('policy-witness-twice')
    if (isNew) this.witnesses.push({ name, key, url: url ?? null })
  }

  private readGroup([name, rule, ...members]: readonly string[]): void {
    if (name === undefined || rule === undefined || members.length === 0) return this.fault('policy-line-malformed')
    for (const member of members) {
      if (!this.names.has(member)) this.fault('policy-name-unknown')
      else if (this.members.has(member)) this.fault('policy-member-twice')
      this.members.add(member)
    }
    const threshold = thresholdOf(rule, members)
    if (threshold < 1 || threshold > members.length) this.fault('policy-threshold')
    if (this.define(name)) this.groups.push({ name, threshold, members })
  }

  private readQuorum([name, ...more]: readonly string[]): void {
    if (name === undefined || more.length > 0) return this.fault('policy-line-malformed')
    if (this.quorum !== undefined) return this.fault('policy-quorum-twice')
    if (name !== reservedName && !this.names.has(name)) this.fault('policy-name-unknown')
    this.quorum = name === reservedName ? null : name
  }

  private define(name: string): boolean {
    if (name === reservedName) this.fault('policy-name-reserved')
    else if (this.names.has(name)) this.fault('policy-name-twice')
    else {
      this.names.add(name)
      return true
    }
    return false
  }
}

const isSameKey = (a: { readonly publicKey: Uint8Array }, b: { readonly publicKey: Uint8Array }): boolean =>
  encodeHex(a.publicKey) === encodeHex(b.publicKey)

/**
 * Reads a witness policy; every fault is named with its line, not only the first.
 *
 * Checks: form and characters, keys of the right type, no key, name or group member twice, names defined before they are used,
 * thresholds from 1 to the number of members, exactly one quorum line.
 * Errs: refuses Ed25519 points that strict verification refuses, ML-DSA keys, and a last line without its newline, which may be
 * the rest of a cut one.
 * Spec: C2SP tlog-policy.
 */
export function parseWitnessPolicy(text: string): ParsedWitnessPolicy {
  const refused = (line: number, code: WitnessPolicyFaultCode): ParsedWitnessPolicy => ({
    ok: false,
    faults: [{ line, code }],
  })
  if (text.length > maxPolicyBytes || utf8Length(text) > maxPolicyBytes) return refused(1, 'policy-too-large')
  if (!text.isWellFormed()) return refused(1, 'policy-control-character')
  const lines = text.split('\n')
  if (lines.length > maxLines) return refused(maxLines, 'policy-too-large')
  const reader = new PolicyReader()
  const rest = lines.pop() ?? ''
  for (const line of lines) reader.read(line)
  if (rest !== '') reader.faults.push({ line: lines.length + 1, code: 'policy-line-unterminated' })
  reader.end()
  const { faults, logs, witnesses, groups, quorum } = reader
  if (faults.length > 0 || quorum === undefined) return { ok: false, faults }
  return { ok: true, policy: { logs, witnesses, groups, quorum } }
}

/**
 * Says whether cosignatures of these witnesses, under the policy's names for them, make a head count. Names that the policy
 * does not know change nothing; a name twice counts once.
 */
export function meetsQuorum(policy: WitnessPolicy, names: Iterable<string>): boolean {
  const witnessed = new Set<string>()
  const given = new Set(names)
  for (const { name } of policy.witnesses) if (given.has(name)) witnessed.add(name)
  for (const { name, threshold, members } of policy.groups)
    if (members.filter((member) => witnessed.has(member)).length >= threshold) witnessed.add(name)
  return policy.quorum === null || witnessed.has(policy.quorum)
}

/**
 * The text of a policy without these witnesses, which is met by exactly the cosignatures of others that met it before. A group
 * that cannot be met without them goes with them. Null when the quorum cannot.
 *
 * Trust: `text` is one that `parseWitnessPolicy` lets through.
 */
export function withoutWitnesses(text: string, names: Iterable<string>): string | null {
  const gone = new Set(names)
  const kept: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, name = '', rule = '', ...members] = fieldsOf(line)
    if (keyword === 'witness' && gone.has(name)) continue
    if (keyword === 'quorum' && gone.has(name)) return null
    const left = members.filter((member) => !gone.has(member))
    if (keyword !== 'group' || left.length === members.length) kept.push(line)
    else if (thresholdOf(rule, members) > left.length) gone.add(name)
    else kept.push(['group', name, thresholdOf(rule, members), ...left].join(' '))
  }
  return kept.join('\n')
}

/**
 * Says whether every quorum holds one of these witnesses: whoever asked them all has asked a member of each set that could
 * have made a head count. For k of n witnesses these are any n − k + 1. `absent` can never cosign.
 */
export function meetsEveryQuorum(
  policy: WitnessPolicy,
  names: Iterable<string>,
  absent: Iterable<string> = [],
): boolean {
  const asked = new Set([...names, ...absent])
  return !meetsQuorum(
    policy,
    policy.witnesses.map(({ name }) => name).filter((name) => !asked.has(name)),
  )
}
