import { readFileSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { asCommitId, type CommitId, IdentifierError } from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxRefBytes = 4096
const maxPackedRefsBytes = 64 * 1024 * 1024

/** Where the parts of a clone lie. */
export interface CloneDirectory {
  /** The directory with refs, shared by all its working trees. */
  readonly gitDirectory: string
  readonly objects: string
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

function smallText(path: string, maxBytes: number): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || !found.isFile() || found.size > maxBytes) return null
  return readFileSync(path, 'utf8')
}

/**
 * Finds refs and objects of a clone: a working tree, one of several, or a bare repository.
 *
 * Trust: the directory may be a stranger's: its configuration is not read, and nothing in it is run.
 * @throws Refusal no-clone
 */
export function locateClone(directory: string): CloneDirectory {
  const inside = join(directory, '.git')
  const link = smallText(inside, maxRefBytes)
  const own = isDirectory(inside)
    ? inside
    : link?.startsWith('gitdir: ') === true
      ? resolve(directory, link.slice('gitdir: '.length).trimEnd())
      : directory
  const common = smallText(join(own, 'commondir'), maxRefBytes)
  const gitDirectory = common === null ? own : resolve(own, common.trimEnd())
  const objects = join(gitDirectory, 'objects')
  const isClone = isDirectory(objects) && isDirectory(join(gitDirectory, 'refs'))
  const real = isClone ? realpathSync(objects) : ''
  if (!isClone || /[\n"]/.test(real))
    throw new Refusal('no-clone', `${directory} is no git repository`, {
      exit: exitCode.unknown,
      remedy: 'Name a clone of the governed repository: git clone ADDRESS DIRECTORY',
    })
  return { gitDirectory, objects: real }
}

function idOf(text: string): CommitId | null {
  try {
    return asCommitId(text)
  } catch (error) {
    if (error instanceof IdentifierError) return null
    throw error
  }
}

/** The commit that a ref of a clone names, from its own file or the file of packed refs; null when there is none. */
export function readRef({ gitDirectory }: CloneDirectory, ref: string): CommitId | null {
  if (ref.split('/').some((part) => part === '' || part === '.' || part === '..') || ref.includes('\0')) return null
  const loose = smallText(join(gitDirectory, ref), maxRefBytes)
  if (loose !== null) return idOf(loose.trimEnd())
  for (const line of (smallText(join(gitDirectory, 'packed-refs'), maxPackedRefsBytes) ?? '').split('\n')) {
    const space = line.indexOf(' ')
    if (space > 0 && line.slice(space + 1) === ref) return idOf(line.slice(0, space))
  }
  return null
}

/** Whether the ids of a clone are SHA-256 ones, as its HEAD or any packed ref shows. */
export function usesSha256(clone: CloneDirectory): boolean {
  const head = smallText(join(clone.gitDirectory, 'HEAD'), maxRefBytes)?.trimEnd() ?? ''
  const id = head.startsWith('ref: ') ? readRef(clone, head.slice(5)) : idOf(head)
  if (id !== null) return id.length === 64
  const packed = smallText(join(clone.gitDirectory, 'packed-refs'), maxPackedRefsBytes) ?? ''
  return /^[0-9a-f]{64} /m.test(packed)
}
