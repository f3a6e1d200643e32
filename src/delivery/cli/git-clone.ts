import { execFile } from 'node:child_process'
import {
  inertPlain as inert,
  asBlobId,
  asCommitId,
  changeDigest,
  type CommitId,
  decodeUtf8,
  type FileChange,
  type Statement,
} from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxOutputBytes = 256 * 1024 * 1024

type Answer = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly text: string }

/** Runs git in the clone; what could make it see other objects than the repository's own (`git replace`) is off. */
function git(directory: string, args: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = ['--no-replace-objects', '-c', 'core.quotePath=false', '-C', directory, ...args]
    execFile('git', all, { encoding: 'buffer', maxBuffer: maxOutputBytes, timeout: 300_000 }, (error, out, err) => {
      if (error === null) resolve({ ok: true, bytes: out })
      else if (error.code === 'ENOENT')
        reject(new Refusal('no-git', 'git is not installed', { exit: exitCode.unknown }))
      else resolve({ ok: false, text: err.toString('utf8').trim().slice(0, 300) })
    })
  })
}

async function gitText(directory: string, args: readonly string[], remedy: string): Promise<string> {
  const answer = await git(directory, args)
  if (answer.ok) return answer.bytes.toString('utf8').trim()
  throw new Refusal('clone-incomplete', `git ${args[0]} failed in ${directory}: ${inert(answer.text)}`, {
    exit: exitCode.unknown,
    remedy,
  })
}

const blobOrNull = (mode: string, id: string): FileChange['newBlob'] => (mode === '000000' ? null : asBlobId(id))

/**
 * Reads `git diff-tree -z --raw` output as the list that a change digest names.
 *
 * @throws Refusal clone-unreadable for a path that is not UTF-8 and for anything git does not write
 */
export function parseRawDiff(output: Uint8Array): readonly FileChange[] {
  const refuse = (what: string): Refusal => new Refusal('clone-unreadable', what, { exit: exitCode.unknown })
  const text = decodeUtf8(output)
  if (text === undefined) throw refuse('a path of the change is not UTF-8')
  const parts = text.split('\0')
  const files: FileChange[] = []
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [head = '', path = ''] = [parts[at], parts[at + 1]]
    const fields = /^:(\d{6}) (\d{6}) ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([AMDT])$/.exec(head)
    if (fields === null || path === '') throw refuse('git wrote a difference that is not understood')
    const [oldMode = '', newMode = '', oldId = '', newId = ''] = fields.slice(1)
    const isAdded = oldMode === '000000'
    const isDeleted = newMode === '000000'
    files.push({
      oldPath: isAdded ? null : path,
      newPath: isDeleted ? null : path,
      oldMode: isAdded ? null : oldMode,
      newMode: isDeleted ? null : newMode,
      oldBlob: blobOrNull(oldMode, oldId),
      newBlob: blobOrNull(newMode, newId),
    })
  }
  return files
}

async function diffOf(clone: string, from: string, to: string): Promise<readonly FileChange[]> {
  const answer = await git(clone, ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', from, to])
  if (answer.ok) return parseRawDiff(answer.bytes)
  throw new Refusal('clone-incomplete', `git cannot compare: ${inert(answer.text)}`, {
    exit: exitCode.unknown,
    remedy: 'Fetch the base branch and the pull request into the clone.',
  })
}

/** What a signer's own clone says about the signed content. */
export interface CloneCheck {
  readonly files: readonly FileChange[]
  readonly from: CommitId
  /** The commits that the signer denies to have written, as git shows them. */
  readonly denied: readonly string[]
}

const contradicts = (what: string): Refusal =>
  new Refusal('facts-contradict-git', what, {
    remedy: 'Do not sign: the server shows another content than your clone holds. Report it to the other maintainers.',
  })

/**
 * Recomputes from the signer's own clone what the statement says about content, and refuses when it differs (T49).
 *
 * Trust: the server named base, head and start of the difference; the clone and its remote are the signer's own.
 * Checks: head tree; the base (or start) lies on the clone's remote branch, so that nothing can be hidden in a made-up
 * one; merge base and difference computed here; for a policy change the merge too.
 * @throws Refusal facts-contradict-git, clone-incomplete
 */
export async function checkClone(
  clone: string,
  { headTree, predicate }: Statement,
  options: { readonly from: CommitId | null; readonly remote: string; readonly fetch: boolean },
): Promise<CloneCheck> {
  const { headSha, baseSha, baseRef, number, changeDigest: signed } = predicate.pullRequest
  const { remote } = options
  const branch = `refs/remotes/${remote}/${baseRef}`
  if (options.fetch) {
    const refs = [`+refs/heads/${baseRef}:${branch}`, `+refs/pull/${number}/head:refs/governance/${number}`]
    await gitText(
      clone,
      ['fetch', '--quiet', '--no-tags', '--', remote, ...refs],
      `Fetch ${baseRef} and the pull request into the clone yourself, and add --no-fetch.`,
    )
  }
  const missing = `Fetch it: git fetch ${remote} ${baseRef} pull/${number}/head`
  const tree = await gitText(
    clone,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${headSha}^{tree}`],
    missing,
  )
  if (tree !== headTree) throw contradicts(`the tree of ${headSha} is ${tree}, not ${headTree}`)
  await gitText(clone, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${branch}^{commit}`], missing)
  await requireOnBranch(clone, baseSha, branch, 'base')

  const mergeBase = asCommitId(await gitText(clone, ['merge-base', baseSha, headSha], missing))
  const found: { files: readonly FileChange[]; from: CommitId }[] = []
  if (predicate.action !== 'policy-change')
    found.push({ files: await diffOf(clone, mergeBase, headSha), from: mergeBase })
  if (predicate.action !== 'pull-request' && options.from !== null && options.from !== mergeBase) {
    await requireOnBranch(clone, options.from, branch, 'policy in force')
    const merged = await gitText(
      clone,
      ['merge-tree', '--write-tree', baseSha, headSha],
      'It needs git 2.38, and a change that merges without conflict.',
    )
    found.push({ files: await diffOf(clone, options.from, merged), from: options.from })
  } else if (predicate.action === 'policy-change') {
    const merged = await gitText(clone, ['merge-tree', '--write-tree', baseSha, headSha], 'It needs git 2.38.')
    found.push({ files: await diffOf(clone, mergeBase, merged), from: mergeBase })
  }
  const match = found.find(({ files }) => changeDigest(files) === signed)
  if (match === undefined)
    throw contradicts(
      `the content is sha256:${found.map(({ files }) => changeDigest(files)).join(' or ')} in ${clone}, not sha256:${signed}`,
    )
  return { ...match, denied: await describe(clone, predicate.notAuthorOf) }
}

async function requireOnBranch(clone: string, commit: CommitId, branch: string, what: string): Promise<void> {
  const answer = await git(clone, ['merge-base', '--is-ancestor', commit, branch])
  if (!answer.ok) throw contradicts(`the ${what} ${commit} is not on ${branch} of ${clone}`)
}

/** One line per commit, or its id where the clone does not hold it. */
async function describe(clone: string, commits: readonly CommitId[]): Promise<readonly string[]> {
  const lines: string[] = []
  for (const commit of commits) {
    const answer = await git(clone, ['show', '-s', '--no-show-signature', '--format=%H %an <%ae>', commit])
    lines.push(answer.ok ? inert(answer.bytes.toString('utf8').trim()) : commit)
  }
  return lines
}
