import { type AccountId, type Instant, isSignatureScheme, parsePublicKey, type RegistryKey } from '../../core/index.ts'
import { fault, mark, type Reading } from './faults.ts'
import { asInteger, asList, asMap, asText, optional, refuseUnknownKeys, required, textAt } from './fields.ts'
import type { Position, SourceMap, SourceNode } from './source-node.ts'

const entryKeys = [
  'github',
  'id',
  'public_key',
  'scheme',
  'role',
  'added',
  'status',
  'not_before',
  'expires',
  'revoked_at',
  'compromised_since',
  'name',
  'note',
  'notes',
]

/** A registry file: whose names and keys, and which layers it registers maintainers for. */
export interface RegistryFile {
  readonly set: string
  readonly layers: readonly string[]
  readonly file: string
  readonly root: SourceMap
}

/** The set that a registry file's name stands for: `layer-1-2.yml` is set `layer-1-2` of the layers 1 and 2. */
export function registryName(file: string): { readonly set: string; readonly layers: readonly string[] } | null {
  const set = /^config\/maintainers\/([a-z0-9-]+)\.yml$/.exec(file)?.[1]
  if (set === undefined || !/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(set)) return null
  const numbers = /^layer-([1-9](?:-[1-9])*)$/.exec(set)?.[1]
  return { set, layers: numbers === undefined ? [] : numbers.split('-') }
}

/** Reads `2025-01-31` (midnight UTC) or `2025-01-31T12:00:00Z`. */
function asInstantText(reading: Reading, node: SourceNode): Instant | null {
  const text = asText(reading, node)
  const match = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}Z)?$/.exec(text)
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[2] ?? 'T00:00:00Z'}`)
  // Dates such as 2025-02-30 are read as another day by the parser.
  if (Number.isNaN(ms) || ms < 0 || new Date(ms).toISOString().slice(0, 10) !== match?.[1]) {
    fault(
      reading,
      'bad-date',
      node.at,
      `"${text.slice(0, 40)}" is no date`,
      'Write 2025-01-31 or 2025-01-31T12:00:00Z (UTC).',
    )
    return null
  }
  return ms as Instant
}

/** Reads one entry; a key that can be used becomes its one stored form, any other stays as written for the linter. */
function readEntry(reading: Reading, set: string, map: SourceMap, path: string): RegistryKey {
  refuseUnknownKeys(reading, map, entryKeys)
  const place = (key: string, field: string): void => {
    const node = optional(map, key)
    if (node !== undefined) mark(reading, `${path}/${field}`, node.at)
  }
  const instant = (key: string): Instant | null => {
    const node = optional(map, key)
    return node === undefined ? null : asInstantText(reading, node)
  }
  mark(reading, path, map.at)
  place('github', 'login')
  place('public_key', 'publicKey')
  place('id', 'account')
  place('scheme', 'scheme')
  place('status', 'status')
  place('not_before', 'notBefore')
  place('expires', 'expires')
  const login = textAt(reading, map, 'github')
  const written = textAt(reading, map, 'public_key').trim()
  const schemeNode = optional(map, 'scheme')
  const scheme = schemeNode === undefined ? 'ecdsa-secp256k1-v1' : asText(reading, schemeNode)
  const statusNode = required(reading, map, 'status')
  const status = statusNode === undefined ? '' : asText(reading, statusNode)
  if (statusNode !== undefined && status !== 'active' && status !== 'inactive') {
    fault(reading, 'not-allowed', statusNode.at, `"${status.slice(0, 40)}" is no status`, 'Write active or inactive.')
  }
  const idNode = optional(map, 'id')
  const roleNode = optional(map, 'role')
  const addedNode = optional(map, 'added')
  if (addedNode !== undefined) asInstantText(reading, addedNode)
  const parsed = isSignatureScheme(scheme) ? parsePublicKey(written, scheme) : null
  return {
    set,
    login,
    account: idNode === undefined ? null : (asInteger(reading, idNode, 1, Number.MAX_SAFE_INTEGER) as AccountId),
    scheme,
    publicKey: parsed?.ok === true ? parsed.compressedHex : written,
    role: roleNode === undefined ? '' : asText(reading, roleNode),
    status: status === 'inactive' ? 'inactive' : 'active',
    notBefore: instant('not_before'),
    expires: instant('expires'),
    revokedAt: instant('revoked_at'),
    compromisedSince: instant('compromised_since'),
  }
}

/** All registries, and which set registers the maintainers of a layer. */
export interface StatedRegistry {
  readonly keys: readonly RegistryKey[]
  readonly sets: ReadonlyMap<string, { readonly persons: readonly string[]; readonly at: Position }>
  readonly setOf: (layer: string) => string
}

/** Reads `config/maintainers/*.yml`. A layer without a file has a set without persons, never somebody else's. */
export function readRegistry(reading: Reading, files: readonly RegistryFile[]): StatedRegistry {
  const keys: RegistryKey[] = []
  const sets = new Map<string, { readonly persons: readonly string[]; readonly at: Position }>()
  const setByLayer = new Map<string, string>()
  for (const { set, layers, file, root } of files) {
    refuseUnknownKeys(reading, root, ['maintainers', 'keyholders', 'description', 'notes'])
    for (const layer of layers) {
      const other = setByLayer.get(layer)
      if (other !== undefined) {
        const message = `layer ${layer} is registered here and in config/maintainers/${other}.yml`
        fault(reading, 'layer-registered-twice', { file, line: 1, column: 1 }, message, 'Keep one file for each layer.')
      } else setByLayer.set(layer, set)
    }
    const entries =
      optional(root, 'maintainers') ?? optional(root, 'keyholders') ?? required(reading, root, 'maintainers')
    if (optional(root, 'maintainers') !== undefined && optional(root, 'keyholders') !== undefined) {
      const at = root.entries.get('keyholders')?.keyAt ?? root.at
      fault(reading, 'registry-stated-twice', at, 'maintainers and keyholders stand in one file', 'Keep one list.')
    }
    const persons: string[] = []
    for (const item of entries === undefined ? [] : asList(reading, entries)) {
      const key = readEntry(reading, set, asMap(reading, item), `/registry/${keys.length}`)
      keys.push(key)
      const isListed = persons.some((login) => login.toLowerCase() === key.login.toLowerCase())
      if (key.status !== 'active' || isListed) continue
      mark(
        reading,
        `/sets/${set}/persons/${persons.length}`,
        (item.kind === 'map' && optional(item, 'github')?.at) || item.at,
      )
      persons.push(key.login)
    }
    const at = { file, line: 1, column: 1 }
    mark(reading, `/sets/${set}`, at)
    sets.set(set, { persons, at })
  }
  return { keys, sets, setOf: (layer) => setByLayer.get(layer) ?? `layer-${layer}` }
}
