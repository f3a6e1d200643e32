import {
  type Acceleration,
  coverOfLeaves,
  decodeHex,
  decodeUtf8,
  encodeBase64,
  encodeHex,
  parseCheckpoint,
  rangeRoot,
  sha256,
  treeHasher,
  type VerifierKey,
  verifyCheckpoint,
} from '../../core/index.ts'
import type { ExportManifest } from './export-manifest.ts'
import { formats } from './formats/formats.ts'

/** One check of an export. Skipped never counts as passed. */
export interface ExportCheck {
  readonly check: string
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly code: string | null
}

/** `verified` only when every check passed; `consistent` when some were skipped, `untrusted` without a key. */
export interface ExportReport {
  readonly verdict: 'verified' | 'consistent' | 'untrusted' | 'invalid'
  readonly checks: readonly ExportCheck[]
}

/** Lines of a file without their ends; undefined when the last one has none. */
function linesOf(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const lines: Uint8Array[] = []
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(0x0a, start)
    if (end < 0) return undefined
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return lines
}

/**
 * Judges an export: that its files are the manifest's, that no entry between its first and its last is missing or twice
 * there, that the entries are the log's, and that the log's key signed the head that says so.
 *
 * Trust: manifest and files are a stranger's; `keys` are the caller's.
 * Checks: each file's size and SHA-256, the number and order of its events, the root of the log over entries and the
 * subtrees around them, the checkpoint's signature.
 * Does not check: that the times which were asked for lead to these indexes; a rendered format's content, which only the
 * format `entries` can prove (`export-format-not-provable`).
 */
export async function verifyExport(
  manifest: ExportManifest,
  readFile: (name: string) => Promise<Uint8Array | null>,
  keys: readonly VerifierKey[],
  acceleration: Acceleration = {},
  onFile: (name: string) => void = () => {},
): Promise<ExportReport> {
  const checks: ExportCheck[] = []
  const say = (check: string, outcome: ExportCheck['outcome'], code: string | null = null): void => {
    checks.push({ check, outcome, code })
  }
  const judge = (check: string, fault: string | null): void => say(check, fault === null ? 'pass' : 'fail', fault)
  const hasher = treeHasher(acceleration)
  const hash = acceleration.sha256 ?? sha256
  const { format, proof, first, next } = manifest
  const { indexOf } = formats[format]
  const sum = rangeRoot(hasher)
  let position = first

  /** Pushes the given hashes; a manifest with too few or too many of them cannot lead to the root. */
  function pushCover(from: number, to: number, hashes: readonly string[]): boolean {
    const cover = coverOfLeaves(from, to)
    if (cover.length !== hashes.length || sum.size !== from) return false
    for (const [i, { level }] of cover.entries()) sum.push(level, decodeHex(hashes[i] ?? '') ?? new Uint8Array(32))
    return true
  }

  const isPlaced = proof !== null && first <= next && next <= proof.size && pushCover(0, first, proof.before)

  async function fileFault(file: ExportManifest['files'][number]): Promise<string | null> {
    const bytes = await readFile(file.name)
    if (bytes === null) return 'export-file-missing'
    // What was appended after the manifest was written is not vouched for, and an interrupted export leaves it.
    const vouched = bytes.subarray(0, file.bytes)
    if (vouched.length !== file.bytes || encodeHex(hash(vouched)) !== file.sha256) return 'export-file-differs'
    const lines = linesOf(vouched)
    if (lines === undefined || lines.length !== file.events || file.first !== position) return 'export-gap'
    for (const line of lines) {
      if (format === 'entries') {
        if (isPlaced) sum.push(0, hasher.leaf(line))
      } else if (indexOf(decodeUtf8(line) ?? '') !== position) return 'export-gap'
      position++
    }
    return null
  }

  for (const file of manifest.files) {
    onFile(file.name)
    judge(`file ${file.name}`, await fileFault(file))
  }
  judge('range', position === next ? null : 'export-gap')
  if (proof === null) {
    say('root', 'skipped', 'export-not-finished')
    say('checkpoint', 'skipped', 'export-not-finished')
  } else {
    if (format !== 'entries') say('root', 'skipped', 'export-format-not-provable')
    else {
      const isWhole = isPlaced && pushCover(next, proof.size, proof.after)
      judge(
        'root',
        isWhole && encodeBase64(sum.root()) === rootIn(proof.checkpoint, proof.size) ? null : 'export-root-differs',
      )
    }
    if (keys.length === 0) say('checkpoint', 'skipped', 'no-trust')
    else {
      const opened = verifyCheckpoint(proof.checkpoint, manifest.origin, keys)
      const fault = opened.ok ? (opened.checkpoint.size === proof.size ? null : 'export-root-differs') : opened.code
      judge('checkpoint', fault)
    }
  }
  const has = (outcome: ExportCheck['outcome']): boolean => checks.some((check) => check.outcome === outcome)
  if (has('fail')) return { verdict: 'invalid', checks }
  if (keys.length === 0) return { verdict: 'untrusted', checks }
  return { verdict: has('skipped') ? 'consistent' : 'verified', checks }
}

/** The root that a checkpoint names for a size; null when it is no checkpoint of that size. Its signature is another check. */
function rootIn(checkpoint: string, size: number): string | null {
  const parsed = parseCheckpoint(checkpoint)
  return parsed.ok && parsed.checkpoint.size === size ? encodeBase64(parsed.checkpoint.root) : null
}
