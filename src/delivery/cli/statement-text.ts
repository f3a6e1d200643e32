import {
  formatInstant,
  inertPlain as inert,
  isAboutRelease,
  type ReleaseStatement,
  type Statement,
} from '../../core/index.ts'
import { aligned, counted } from './terminal.ts'

/** What a statement says, in plain words, one fact a line. Everything in it is a stranger's until somebody signed it. */
export const statementText = (statement: Statement | ReleaseStatement): string =>
  isAboutRelease(statement) ? releaseText(statement) : changeText(statement)

function releaseText({ predicate }: ReleaseStatement): string {
  const { release, repository, decision, requirement, policy, signer, audience, reason, expiresAt } = predicate
  return aligned(
    [
      ['decision', `${decision} of a release`],
      ['repository', `${inert(repository.uri)} (id ${repository.id})`],
      ['tag', inert(release.tag)],
      ['revision', release.revision],
      ['SHA256SUMS', `sha256:${release.artifacts}`],
      ['requirement', `sha256:${requirement.digest.sha256} (policy epoch ${policy.epoch})`],
      ...(reason === undefined ? [] : [['reason', inert(reason)]]),
      ['signer', `account ${signer.maintainer}, key ${signer.keyid}`],
      ['deployment', inert(audience)],
      ['expires', formatInstant(expiresAt)],
    ].map(([name = '', value = '']) => [`  ${name}`, value]),
  )
}

function changeText({ headTree, predicate }: Statement): string {
  const { pullRequest, repository, condition } = predicate
  const rows: string[][] = [
    ['decision', predicate.decision],
    ['repository', `${inert(repository.uri)} (id ${repository.id})`],
    ['pull request', `#${pullRequest.number} onto ${inert(pullRequest.baseRef)}`],
    ['head', pullRequest.headSha],
    ['head tree', headTree],
    ['base', pullRequest.baseSha],
    ['content', `sha256:${pullRequest.changeDigest}`],
    ['requirement', `sha256:${predicate.requirement.digest.sha256} (policy epoch ${predicate.policy.epoch})`],
  ]
  if (condition !== undefined) {
    rows.push(['condition', inert(condition.id)])
    rows.push(['evidence', `${inert(condition.evidence.uri)} sha256:${condition.evidence.digest}`])
    if (condition.text !== undefined) rows.push(['text', inert(condition.text)])
  }
  if (predicate.tier !== undefined) rows.push(['tier', inert(predicate.tier)])
  if (predicate.target !== undefined) rows.push(['person', `account ${predicate.target}`])
  if (predicate.reason !== undefined) rows.push(['reason', inert(predicate.reason)])
  for (const [index, commit] of predicate.notAuthorOf.entries())
    rows.push([index === 0 ? 'not author of' : '', `${commit}${index === 0 ? deniedHint(predicate.notAuthorOf) : ''}`])
  rows.push(['signer', `account ${predicate.signer.maintainer}, key ${predicate.signer.keyid}`])
  rows.push(['deployment', inert(predicate.audience)])
  rows.push(['expires', formatInstant(predicate.expiresAt)])
  return aligned(rows.map(([name = '', value = '']) => [`  ${name}`, value]))
}

const deniedHint = (commits: readonly string[]): string =>
  ` (you say that you wrote none of ${commits.length === 1 ? 'it' : `these ${counted(commits.length, 'commit')}`})`
