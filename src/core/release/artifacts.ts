import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import { bytesDigest } from '../crypto/text-digest.ts'
import type { Sha256 } from '../ids.ts'

/** One file of a release. */
export interface Artifact {
  /** The file's own name, without a folder. */
  readonly name: string
  readonly sha256: Sha256
}

/** Name of the file that lists the digests, as `sha256sum --check` reads it. */
export const sumsFileName = 'SHA256SUMS'
/** Name of the file that strangers verify, and of the one that maintainers look at: no artefact has them. */
export const releaseFileName = 'release.json'
export const requestFileName = 'release-request.json'
const reserved: ReadonlySet<string> = new Set([sumsFileName, releaseFileName, requestFileName])
/** More files than any release has. */
export const maxArtifacts = 1_000

const nameShape = /^[A-Za-z0-9_][A-Za-z0-9._+~@=,-]{0,199}$/

/**
 * Says whether a name can be that of an artefact: letters, digits and `._+~@=,-`, at most 200, with neither a dot nor a dash
 * in front: nothing that a shell, `sha256sum` or another file system reads otherwise; and none of the files beside them.
 */
export const isArtifactName = (name: string): boolean => nameShape.test(name) && !reserved.has(name)

/** Says whether a file lies beside the artefacts and is none. */
export const isBesideArtifacts = (name: string): boolean => reserved.has(name)

/** The artefacts in the one order that they are listed in: by name, in code units. */
export const sortedArtifacts = (artifacts: readonly Artifact[]): readonly Artifact[] =>
  [...artifacts].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))

/** The text of `SHA256SUMS`: one line an artefact, by name, `<hex>  <name>`. Spec: GNU coreutils `sha256sum`. */
export const sumsText = (artifacts: readonly Artifact[]): string =>
  sortedArtifacts(artifacts)
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join('')

/** What stands for all artefacts of a release in a statement: SHA-256 of the bytes of `SHA256SUMS`. */
export const artifactsDigest = (artifacts: readonly Artifact[], acceleration: Acceleration = {}): Sha256 =>
  bytesDigest(encodeUtf8(sumsText(artifacts)), acceleration)

/** How a folder differs from a list of artefacts. */
export interface ArtifactDifferences {
  readonly missing: readonly string[]
  readonly extra: readonly string[]
  readonly changed: readonly string[]
}

/** Names every file that is missing, that nobody listed, and whose bytes are others. */
export function compareArtifacts(wanted: readonly Artifact[], found: readonly Artifact[]): ArtifactDifferences {
  const known = new Map(wanted.map(({ name, sha256 }) => [name, sha256]))
  const there = new Map(found.map(({ name, sha256 }) => [name, sha256]))
  return {
    missing: wanted.flatMap(({ name }) => (there.has(name) ? [] : [name])),
    extra: found.flatMap(({ name }) => (known.has(name) ? [] : [name])),
    changed: wanted.flatMap(({ name, sha256 }) => (there.has(name) && there.get(name) !== sha256 ? [name] : [])),
  }
}
