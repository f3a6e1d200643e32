import type { JsonObject } from '../bytes/json.ts'
import { isJsonObject } from '../bytes/json.ts'
import type { CommitId, LogIndex, RepositoryId, Sha256 } from '../ids.ts'
import type { Artifact } from '../release/artifacts.ts'
import { entryUri, type IssuedStatement } from './issued-statement.ts'

export const releasePredicateType = 'https://in-toto.io/attestation/release/v0.1'
/** The member of the predicate that is ours; in-toto leaves members with a URI for a name to whoever owns the URI. */
const extension = 'urn:governance-app:release:v1'

/** What the log says of a release: who approved what, built from what. */
export interface ReleaseRecord {
  /** Origin of the decision log, whose key signs. */
  readonly origin: string
  readonly repositoryId: RepositoryId
  /** Address of the repository, e.g. `https://github.com/acme/sdk`. */
  readonly repositoryUri: string
  /** `owner/name`. */
  readonly repository: string
  readonly tag: string
  readonly revision: CommitId
  readonly artifacts: readonly Artifact[]
  /** SHA-256 of the bytes of `SHA256SUMS`. */
  readonly artifactsDigest: Sha256
  readonly landing: LogIndex
  readonly verdict: { readonly entry: LogIndex; readonly digest: Sha256 }
  readonly policy: { readonly epoch: number; readonly digest: Sha256 }
  readonly requirement: Sha256
  /** The approvals that counted, by entry. */
  readonly approvals: readonly { readonly entry: LogIndex; readonly payload: Sha256 }[]
}

/** The release as a package URL. Only the forge that the type `github` means has one of its own. Spec: purl-spec. */
function purlOf({ repositoryUri, repository, tag }: ReleaseRecord): string {
  const name = repository.split('/').map(encodeURIComponent).join('/')
  const version = encodeURIComponent(tag)
  if (repositoryUri.startsWith('https://github.com/')) return `pkg:github/${name.toLowerCase()}@${version}`
  return `pkg:generic/${name}@${version}?vcs_url=${encodeURIComponent(`git+${repositoryUri}`)}`
}

/**
 * The release as an in-toto statement: the artefacts are its subjects, by their names on disk, and the predicate names the
 * package's version. What stands behind it (revision, landing, verdict, policy, approvals, each with its digest) is one
 * member of ours, which readers of the plain predicate pass over.
 *
 * Spec: in-toto predicate `release/v0.1`; Statement v1, extension members.
 */
export function releaseAttestation(record: ReleaseRecord): IssuedStatement {
  const { origin, repositoryUri, tag, revision, policy, verdict } = record
  return {
    subject: record.artifacts.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: releasePredicateType,
    predicate: {
      purl: purlOf(record),
      releaseId: String(record.repositoryId),
      [extension]: {
        verifier: { id: `urn:governance-app:log:${origin}` },
        repository: { id: record.repositoryId, uri: repositoryUri },
        tag,
        revision: { uri: `git+${repositoryUri}@refs/tags/${tag}`, digest: { gitCommit: revision } },
        artifacts: { name: 'SHA256SUMS', digest: { sha256: record.artifactsDigest } },
        policy: { uri: `urn:governance-app:policy:${origin}/${policy.epoch}`, digest: { sha256: policy.digest } },
        requirement: { sha256: record.requirement },
        landing: { uri: entryUri(origin, record.landing) },
        verdict: { uri: entryUri(origin, verdict.entry), digest: { sha256: verdict.digest } },
        approvals: record.approvals.map(({ entry, payload }) => ({
          uri: entryUri(origin, entry),
          digest: { sha256: payload },
        })),
      },
    },
  }
}

/** The address of the repository that a release statement names; null where it is none of ours. Trust: its word alone. */
export function repositoryUriOf({ predicate }: IssuedStatement): string | null {
  const own = predicate[extension]
  const repository: JsonObject[string] | undefined = isJsonObject(own ?? null)
    ? (own as JsonObject).repository
    : undefined
  const uri = repository !== undefined && isJsonObject(repository) ? repository.uri : undefined
  return typeof uri === 'string' ? uri : null
}
