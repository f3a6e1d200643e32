import { execFile } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxFiles = 2_000
const maxFileBytes = 1024 * 1024
const repositoryName = /^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/

/** Says whether a text has the form `owner/name`. */
export const isRepositoryName = (text: string): boolean =>
  repositoryName.test(text) && !text.split('/').some((part) => part === '.' || part === '..')

/**
 * Reads what may state a policy in a checkout of a governance repository: `.governance.yml` and everything below
 * `config/`, by path.
 *
 * Checks: regular files only (a link could lead anywhere), sizes and count.
 * @throws Refusal no-directory, no-policy, too-many-files, file-too-large
 */
export function readPolicyDirectory(directory: string): ReadonlyMap<string, Uint8Array> {
  const root = resolve(directory)
  if (lstatSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Refusal('no-directory', `${directory} is no directory`, {
      exit: exitCode.unknown,
      remedy: 'Name a checkout of the governance repository.',
    })
  const paths = [
    ...readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^\.governance\.ya?ml$/i.test(entry.name))
      .map((entry) => join(root, entry.name)),
    ...(lstatSync(join(root, 'config'), { throwIfNoEntry: false })?.isDirectory() === true
      ? readdirSync(join(root, 'config'), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
      : []),
  ]
  if (paths.length === 0)
    throw new Refusal('no-policy', `${directory} holds neither .governance.yml nor config/`, {
      exit: exitCode.unknown,
      remedy: 'Name the root of a checkout of the governance repository.',
    })
  if (paths.length > maxFiles)
    throw new Refusal('too-many-files', `${directory}/config holds more than ${maxFiles} files`, {
      exit: exitCode.unknown,
    })
  const files = new Map<string, Uint8Array>()
  for (const path of paths.sort()) {
    if (lstatSync(path).size > maxFileBytes)
      throw new Refusal('file-too-large', `${path} is larger than ${maxFileBytes} bytes`, { exit: exitCode.unknown })
    files.set(relative(root, path).split(sep).join('/'), readFileSync(path))
  }
  return files
}

/** `owner/name` in the address of a git remote; null when it has another form. */
export function repositoryOfRemote(address: string): string | null {
  const name = /[/:]([^/:]+\/[^/:]+?)(?:\.git)?\/?$/.exec(address.trim())?.[1]
  return name !== undefined && isRepositoryName(name) ? name : null
}

/**
 * Whose governance repository a checkout is: as told, or by its git remote `origin`, or `local/governance` where neither
 * says it (bare repository names then belong to `local`).
 */
export async function governanceRepositoryOf(directory: string, told: string | undefined): Promise<string> {
  if (told !== undefined) return told
  try {
    const options = { cwd: directory, timeout: 10_000 }
    // Only a checkout's own root counts: a directory somewhere inside another repository is not that repository.
    const { stdout: top } = await promisify(execFile)('git', ['rev-parse', '--show-cdup'], options)
    if (top.trim() === '') {
      const { stdout } = await promisify(execFile)('git', ['remote', 'get-url', 'origin'], options)
      const name = repositoryOfRemote(stdout)
      if (name !== null) return name
    }
  } catch {
    // No git, no repository or no such remote: the name is only how repositories are called in the answer.
  }
  return 'local/governance'
}
