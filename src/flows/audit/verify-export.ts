import {
  type Acceleration,
  coverOfLeaves,
  decodeHex,
  decodeUtf8,
  encodeBase64,
  encodeHex,
  equalBytes,
  parseCheckpoint,
  rangeRoot,
  sha256,
  treeHasher,
  type VerifierKey,
  verifyCheckpoint,
} from '../../core/index.ts'
import type { ExportManifest } from './export-manifest.ts'
import { formats } from './formats/formats.ts'
import type { VouchedHead } from './vouched-heads.ts'

/** One check of an export. Skipped never counts as passed. */
export interface ExportCheck {
  readonly check: string
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly code: string | null
  /** Identifiers only. */
  readonly detail?: string
}

/** `verified` only when every check passed; `consistent` when some were skipped, `untrusted` without anybody to believe. */
export interface ExportReport {
  readonly verdict: 'verified' | 'consistent' | 'untrusted' | 'invalid'
  readonly checks: readonly ExportCheck[]
}

/** Whom the judge of an export believes: keys of the security log, or what a decision log holds of it, or both. */
export interface ExportTrust {
  readonly keys: readonly VerifierKey[]
  /** Heads of the log of `vouchedOrigin`; null where no decision log was looked at. */
  readonly vouched: readonly VouchedHead[] | null
  readonly vouchedOrigin: string | null
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
 * there, that the entries are the log's, and that the log's key, or an entry of the decision log, vouches for a head that says so.
 *
 * Trust: manifest and files are a stranger's; `trust` is the caller's.
 * Checks: each file's size and SHA-256, the number and order of its events, the root of the log over entries and the
 * subtrees around them, the checkpoint's signature; with a decision log, that the security log had over these entries the root
 * of every head that the decision log holds of them, and that such a head covers the last of them (`not-yet-vouched`).
 * Does not check: that the times which were asked for lead to these indexes; a rendered format's content, which only the
 * format `entries` can prove (`export-format-not-provable`).
 */
export async function verifyExport(
  manifest: ExportManifest,
  readFile: (name: string) => Promise<Uint8Array | null>,
  { keys, vouched, vouchedOrigin }: ExportTrust,
  acceleration: Acceleration = {},
  onFile: (name: string) => void = () => {},
): Promise<ExportReport> {
  const checks: ExportCheck[] = []
  const say = (check: string, outcome: ExportCheck['outcome'], code: string | null = null, detail?: string): void => {
    checks.push({ check, outcome, code, ...(detail === undefined ? {} : { detail }) })
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

  /** Roots of the heads that the decision log holds, by size, and up to where the entries are found to be theirs. */
  const heads = new Map((vouched ?? []).map((head) => [head.size, head]))
  let vouchedTo = 0
  let contradicted: VouchedHead | null = null
  function compareHead(): void {
    const head = heads.get(sum.size)
    if (head === undefined) return
    if (!equalBytes(head.root, sum.root())) contradicted ??= head
    else vouchedTo = head.size
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
        if (isPlaced) {
          sum.push(0, hasher.leaf(line))
          compareHead()
        }
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
      if (isWhole) compareHead()
      judge(
        'root',
        isWhole && encodeBase64(sum.root()) === rootIn(proof.checkpoint, proof.size) ? null : 'export-root-differs',
      )
    }
    if (keys.length === 0) {
      if (vouched === null) say('checkpoint', 'skipped', 'no-trust')
    } else {
      const opened = verifyCheckpoint(proof.checkpoint, manifest.origin, keys)
      const fault = opened.ok ? (opened.checkpoint.size === proof.size ? null : 'export-root-differs') : opened.code
      judge('checkpoint', fault)
    }
  }
  function judgeVouched(): void {
    if (vouchedOrigin !== manifest.origin) judge('vouched', 'export-of-another-log')
    else if (proof === null) say('vouched', 'skipped', 'export-not-finished')
    else if (format !== 'entries') say('vouched', 'skipped', 'export-format-not-provable')
    else if (contradicted !== null) say('vouched', 'fail', 'export-contradicts-log', `entry ${contradicted.entry}`)
    else if (vouchedTo >= next) say('vouched', 'pass')
    else say('vouched', 'skipped', 'not-yet-vouched', `from ${Math.max(first, vouchedTo)} on`)
  }
  if (vouched !== null) judgeVouched()
  const has = (outcome: ExportCheck['outcome']): boolean => checks.some((check) => check.outcome === outcome)
  if (has('fail')) return { verdict: 'invalid', checks }
  if (keys.length === 0 && vouched === null) return { verdict: 'untrusted', checks }
  return { verdict: has('skipped') ? 'consistent' : 'verified', checks }
}

/** The root that a checkpoint names for a size; null when it is no checkpoint of that size. Its signature is another check. */
function rootIn(checkpoint: string, size: number): string | null {
  const parsed = parseCheckpoint(checkpoint)
  return parsed.ok && parsed.checkpoint.size === size ? encodeBase64(parsed.checkpoint.root) : null
}
