import { createHash } from 'node:crypto'
import {
  checkPolicy,
  type LintOptions,
  lintPolicy,
  type PolicyFault,
  type PolicyV1,
  type RepositoryPolicy,
  type Tier,
} from '../../core/index.ts'
import { type Fault, fault, mark, newReading, note, type Reading, type SourceFinding } from './faults.ts'
import { findingText } from './finding-text.ts'
import { isNearlyPolicyPath, isPolicyPath, policyFiles } from './policy-path.ts'
import { readCrossLayerRules } from './read-cross-layer.ts'
import { compareEmbeddedTiers, readEmergencyTiers } from './read-emergency.ts'
import { readGovernance } from './read-governance.ts'
import { readLayers, type StatedLayers } from './read-layers.ts'
import { type RegistryFile, readRegistry, registryName } from './read-registry.ts'
import { bareRepository, type ForeignRule, readRepository } from './read-repositories.ts'
import { readClassification, readTiers } from './read-tiers.ts'
import type { Position, SourceMap } from './source-node.ts'
import { parseYamlFile } from './yaml-source.ts'

const maxFiles = 2000

/** The files of one commit of a governance repository, and whose they are. */
export interface PolicyFilesInput {
  readonly owner: string
  /** Full name, `owner/name`. */
  readonly governanceRepository: string
  /** Contents by path; what is no policy file is ignored. */
  readonly files: ReadonlyMap<string, Uint8Array | string>
  /** What the linter may know; see `lintPolicy`. */
  readonly lint?: LintOptions
}

/** What the files say. */
export interface ReadPolicy {
  /** Null when there is any fault: no part of a faulty policy is replaced by a default. */
  readonly policy: PolicyV1 | null
  /** The place that a JSON pointer into the policy, or the nearest part around it, was read from. */
  readonly positions: (jsonPointer: string) => Position | null
  readonly faults: readonly Fault[]
  /** What the linter and the readers found, sorted by file and line. */
  readonly findings: readonly SourceFinding[]
  /** SHA-256 in hex of each policy file's bytes, by path. */
  readonly fileDigests: Readonly<Record<string, string>>
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const byPlace = (a: Position, b: Position): number => byText(a.file, b.file) || a.line - b.line || a.column - b.column

function digestsOf(files: PolicyFilesInput['files']): Record<string, string> {
  const digests: Record<string, string> = {}
  for (const path of [...files.keys()].filter(isPolicyPath).sort(byText)) {
    digests[path] = createHash('sha256')
      .update(files.get(path) ?? '')
      .digest('hex')
  }
  return digests
}

function positionLookup(reading: Reading): ReadPolicy['positions'] {
  return (jsonPointer) => {
    for (let path = jsonPointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
      const found = reading.positions.get(path)
      if (found !== undefined) return found
    }
    return null
  }
}

/** The parsed policy files; a required one that is missing or unreadable is null and a fault. */
interface ParsedFiles {
  readonly tiers: SourceMap | null
  readonly layers: SourceMap | null
  readonly classification: SourceMap | null
  readonly emergency: SourceMap | null
  readonly crossLayer: SourceMap | null
  readonly governance: SourceMap | null
  readonly registries: readonly RegistryFile[]
  readonly repositories: ReadonlyMap<string, SourceMap>
}

function parseAll(reading: Reading, files: PolicyFilesInput['files']): ParsedFiles {
  const optionalFile = (path: string): SourceMap | null => {
    const content = files.get(path)
    return content === undefined ? null : parseYamlFile(reading, path, content)
  }
  const requiredFile = (path: string): SourceMap | null => {
    if (!files.has(path)) {
      const at = { file: path, line: 1, column: 1 }
      fault(reading, 'missing-file', at, `${path} is missing`, 'Add the file to the governance repository.')
    }
    return optionalFile(path)
  }
  const registries: RegistryFile[] = []
  const repositories = new Map<string, SourceMap>()
  for (const path of [...files.keys()].sort(byText)) {
    const at = { file: path, line: 1, column: 1 }
    if (isNearlyPolicyPath(path)) {
      note(reading, 'file-not-read', 'warning', at, `${path} is not read`, 'Name it as the layout does, or remove it.')
    }
    if (path.startsWith('config/maintainers/') && isPolicyPath(path)) {
      const name = registryName(path)
      const root = optionalFile(path)
      if (name === null) {
        fault(reading, 'bad-registry-name', at, `${path} names no set`, 'Name it layer-<n>.yml or <set>.yml.')
      } else if (root !== null) registries.push({ ...name, file: path, root })
    }
    const repository = /^config\/repos\/(.+)\.yml$/.exec(path)?.[1]
    if (repository !== undefined && isPolicyPath(path)) {
      const root = optionalFile(path)
      if (root !== null) repositories.set(repository, root)
    }
  }
  return {
    tiers: requiredFile(policyFiles.tiers),
    layers: requiredFile(policyFiles.layers),
    classification: requiredFile(policyFiles.classification),
    emergency: optionalFile(policyFiles.emergency),
    crossLayer: optionalFile(policyFiles.crossLayer),
    governance: optionalFile(policyFiles.governance),
    registries,
    repositories,
  }
}

function readRepositories(
  reading: Reading,
  input: PolicyFilesInput,
  parsed: ParsedFiles,
  stated: StatedLayers,
): Map<string, RepositoryPolicy> {
  const fullName = (name: string): string => (name.includes('/') ? name : `${input.owner}/${name}`)
  const repositories = new Map<string, RepositoryPolicy>()
  const foreign: ForeignRule[] = []
  for (const [name, { layer: id, at }] of stated.repositories) {
    const full = fullName(name)
    mark(reading, `/repositories/${full.replace('/', '~1')}`, at)
    if (full === input.governanceRepository || repositories.has(full)) {
      fault(reading, 'repository-in-two-layers', at, `${full} is listed twice or is layer 0`, 'Keep it in one layer.')
      continue
    }
    const own = parsed.repositories.get(full.slice(full.indexOf('/') + 1))
    const layer = stated.layers.get(id)
    if (own === undefined || layer === undefined) {
      repositories.set(full, bareRepository(id))
      continue
    }
    const read = readRepository(reading, full, own, layer)
    repositories.set(full, read.policy)
    foreign.push(...read.foreign)
  }
  for (const [name, root] of parsed.repositories) {
    if ([...repositories.keys()].some((full) => full.endsWith(`/${name}`))) continue
    const remedy = 'Add it to the repositories of its layer in config/repository-layers.yml, or remove the file.'
    fault(reading, 'unknown-repository', root.at, `${name} is in no layer`, remedy)
  }
  if (parsed.crossLayer !== null) foreign.push(...readCrossLayerRules(reading, parsed.crossLayer))
  for (const { id, layer, days, description } of stated.extensions) {
    if (days === 0) continue
    for (const [name, repository] of repositories) {
      if (repository.layer !== layer) continue
      const text = `${days} days. ${description}`.trim()
      const rule = { id, condition: 'review-extension', patterns: [], description: text } as const
      repositories.set(name, { ...repository, conditionRules: [...repository.conditionRules, rule] })
    }
  }
  for (const { repository, rule, at } of foreign) {
    const name = fullName(repository)
    const target = repositories.get(name)
    if (target === undefined) {
      const remedy = 'Name a repository of config/repository-layers.yml.'
      fault(reading, 'unknown-repository', at, `${repository.slice(0, 100)} is in no layer`, remedy)
      continue
    }
    mark(reading, `/repositories/${name.replace('/', '~1')}/conditionRules/${target.conditionRules.length}`, at)
    repositories.set(name, { ...target, conditionRules: [...target.conditionRules, rule] })
  }
  return repositories
}

function buildPolicy(reading: Reading, input: PolicyFilesInput, parsed: ParsedFiles): PolicyV1 | null {
  const registry = readRegistry(reading, parsed.registries)
  const governance = readGovernance(reading, parsed.governance, input.governanceRepository, registry.setOf)
  const tiers = parsed.tiers === null ? new Map<string, Tier>() : readTiers(reading, parsed.tiers)
  const emergency = parsed.emergency === null ? new Map() : readEmergencyTiers(reading, parsed.emergency)
  if (parsed.tiers !== null) compareEmbeddedTiers(reading, parsed.tiers, emergency)
  if (parsed.layers === null || parsed.tiers === null || parsed.classification === null) return null
  const stated = readLayers(reading, parsed.layers, registry.setOf)
  const classification = readClassification(reading, parsed.classification, tiers)
  for (const [id, conditions] of classification.conditions) {
    const tier = tiers.get(id)
    if (tier !== undefined) tiers.set(id, { ...tier, conditions: [...new Set([...tier.conditions, ...conditions])] })
  }
  const repositories = readRepositories(reading, input, parsed, stated)
  repositories.set(input.governanceRepository, governance.repository.policy)

  const layers = new Map([['0', governance.layer.layer]])
  for (const [id, { layer }] of stated.layers) layers.set(id, layer)
  const sets = new Map<string, { readonly persons: readonly string[] }>()
  for (const [set, { persons }] of registry.sets) sets.set(set, { persons })
  // A layer's own set without a registry file has no persons, and so has that of the keyholders. A set that only a
  // `set:` key names is not made up: the reference stays a fault.
  for (const set of [...['1', ...stated.layers.keys()].map(registry.setOf), 'emergency']) {
    if (sets.has(set)) continue
    sets.set(set, { persons: [] })
    const layer = [...stated.layers.values()].find(({ id }) => registry.setOf(id) === set)
    mark(reading, `/sets/${set}`, layer?.at ?? governance.layer.thresholdAt)
  }
  return {
    v: 1,
    owner: input.owner,
    governanceRepository: input.governanceRepository,
    layers: Object.fromEntries(layers),
    tiers: Object.fromEntries(tiers),
    repositories: Object.fromEntries(repositories),
    classification: { rules: classification.rules, fallback: classification.fallback },
    sets: Object.fromEntries(sets),
    registry: registry.keys,
    emergency: Object.fromEntries(emergency),
    options: governance.options,
  }
}

const remedyOf = (code: string): string =>
  code.startsWith('glob-')
    ? 'Write the pattern in the dialect of spec/policy/globs.md.'
    : 'Correct this part of the file as spec/policy/layout.md says.'

function reportPolicyFault(reading: Reading, found: PolicyFault, place: ReadPolicy['positions']): void {
  const at = place(found.path) ?? { file: policyFiles.governance, line: 1, column: 1 }
  const data = Object.entries(found.data).map(([key, value]) => `${key} ${value}`)
  const message = [`${found.path}: ${found.code}`, ...data].join(', ')
  fault(reading, found.code, at, message, remedyOf(found.code))
}

/**
 * Reads the policy files of a governance repository, in the public BTCDecoded layout, into `policy-v1`.
 *
 * Trust: the files are whatever somebody pushed. Nothing here says that a policy is in force.
 * Checks: every fault of structure, all reported at once, each with file, line and remedy; with any of them the policy is
 * null. Findings (keys, reachability, values that decide nothing) do not stop a command.
 * Errs: towards refusing. Spec: spec/policy/layout.md.
 */
export function readPolicyFiles(input: PolicyFilesInput): ReadPolicy {
  const reading = newReading()
  const positions = positionLookup(reading)
  const fileDigests = digestsOf(input.files)
  const finish = (policy: PolicyV1 | null): ReadPolicy => ({
    policy: reading.faults.length === 0 ? policy : null,
    positions,
    faults: reading.faults.sort(byPlace),
    findings: reading.findings.sort(byPlace),
    fileDigests,
  })
  if (input.files.size > maxFiles) {
    const at = { file: policyFiles.governance, line: 1, column: 1 }
    fault(reading, 'too-many-files', at, `${input.files.size} files`, `Keep the policy below ${maxFiles} files.`)
    return finish(null)
  }
  const built = buildPolicy(reading, input, parseAll(reading, input.files))
  if (built === null || reading.faults.length > 0) return finish(null)
  const checked = checkPolicy(built)
  if (!checked.ok) {
    for (const found of checked.faults) reportPolicyFault(reading, found, positions)
    return finish(null)
  }
  for (const finding of lintPolicy(checked.policy, input.lint)) {
    const at = positions(finding.path) ?? { file: policyFiles.governance, line: 1, column: 1 }
    reading.findings.push({ ...finding, ...at, message: findingText(finding) })
  }
  return finish(checked.policy)
}
