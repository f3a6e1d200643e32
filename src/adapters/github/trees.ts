import { type BlobId, type FlatTree, isJsonObject, type JsonObject, type TreeEntry } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { ForgeRepository } from '../../flows/ports.ts'
import { objectOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import type { Client } from './call.ts'
import { booleanAt, FieldFault, gitIdAt, listAt, textAt } from './payload-fields.ts'

/** One line of the forge's listing of a tree. */
export interface ListedEntry {
  readonly path: string
  readonly mode: string
  readonly id: string
  readonly isTree: boolean
  readonly size: number | null
}

/** A listing; `isComplete: false` where the forge left entries out and said so. */
export interface Listing {
  readonly entries: readonly ListedEntry[]
  readonly isComplete: boolean
}

const maxBytes = 64 * 1024 * 1024
/** Subtrees that are walked where the forge will not list all at once. */
const maxWalked = 2_000
const modes = /^(?:100644|100755|100664|120000|160000|040000)$/

function entryOf(value: JsonObject): ListedEntry {
  const mode = textAt(value, 'mode', 'tree.mode', 6)
  if (!modes.test(mode)) throw new FieldFault('tree.mode')
  const name = textAt(value, 'path', 'tree.path', 8192)
  if (name === '') throw new FieldFault('tree.path')
  const isTree = mode === '040000'
  const size = typeof value.size === 'number' ? value.size : null
  return { path: name, mode, id: gitIdAt(value, 'sha', 'tree.sha'), isTree, size }
}

const tooLarge = (reason = 'tree-too-large') =>
  new AppError('forge-incomplete', 'the tree cannot be read whole', { data: { reason } })

/** Reads trees of one repository. */
export interface Trees {
  /** What stands in a tree (or a commit's tree): everything below it, or its own level only. */
  list(id: string, isRecursive: boolean): Promise<Listing>
  /** Every file below it, without directories. @throws AppError forge-incomplete */
  all(id: string): Promise<readonly ListedEntry[]>
  /** Files of both, complete as far as they differ: equal subtrees may be left out of both. @throws AppError forge-incomplete */
  pair(before: string, after: string): Promise<readonly [FlatTree, FlatTree]>
}

export function createTrees(client: Client, repository: ForgeRepository): Trees {
  async function list(id: string, isRecursive: boolean): Promise<Listing> {
    const { json } = await client.call({
      as: { kind: 'installation', id: repository.installation },
      kind: 'read',
      path: path`/repositories/${repository.id}/git/trees/${id}`,
      ...(isRecursive ? { query: { recursive: '1' } } : {}),
      maxBytes,
      isImmutable: true,
    })
    return reading(() => {
      const answer = objectOf(json, 'tree')
      const entries = listAt(answer, 'tree', 'tree').map((one) => {
        if (!isJsonObject(one)) throw new FieldFault('tree')
        return entryOf(one)
      })
      return { entries, isComplete: !booleanAt(answer, 'truncated', 'truncated') }
    })
  }

  /** Own level only, which must be whole: below it nothing can be walked. */
  async function level(id: string | null): Promise<readonly ListedEntry[]> {
    if (id === null) return []
    const { entries, isComplete } = await list(id, false)
    if (!isComplete) throw tooLarge()
    return entries
  }

  async function all(id: string): Promise<readonly ListedEntry[]> {
    const whole = await list(id, true)
    if (whole.isComplete) return whole.entries.filter((entry) => !entry.isTree)
    const files: ListedEntry[] = []
    const waiting: { readonly id: string; readonly prefix: string }[] = [{ id, prefix: '' }]
    for (let walked = 0; waiting.length > 0; walked++) {
      if (walked >= maxWalked) throw tooLarge()
      const next = waiting.pop() as { readonly id: string; readonly prefix: string }
      for (const entry of await level(next.id)) {
        const full = next.prefix + entry.path
        if (entry.isTree) waiting.push({ id: entry.id, prefix: `${full}/` })
        else files.push({ ...entry, path: full })
      }
    }
    return files
  }

  /** Descends only where the two sides differ, so that a small change in a huge tree stays readable. */
  async function walkPair(before: string, after: string): Promise<readonly [FlatTree, FlatTree]> {
    const left = new Map<string, TreeEntry>()
    const right = new Map<string, TreeEntry>()
    const waiting: { a: string | null; b: string | null; prefix: string }[] = [{ a: before, b: after, prefix: '' }]
    for (let walked = 0; waiting.length > 0; walked++) {
      if (walked >= maxWalked) throw tooLarge()
      const { a, b, prefix } = waiting.pop() as (typeof waiting)[number]
      const [ours, theirs] = await Promise.all([level(a), level(b)])
      const subtrees = new Map<string, { a: string | null; b: string | null }>()
      for (const entry of ours) {
        if (entry.isTree) subtrees.set(entry.path, { a: entry.id, b: null })
        else left.set(prefix + entry.path, { mode: entry.mode, blob: entry.id as BlobId })
      }
      for (const entry of theirs) {
        if (entry.isTree) subtrees.set(entry.path, { a: subtrees.get(entry.path)?.a ?? null, b: entry.id })
        else right.set(prefix + entry.path, { mode: entry.mode, blob: entry.id as BlobId })
      }
      for (const [name, sides] of subtrees)
        if (sides.a !== sides.b) waiting.push({ ...sides, prefix: `${prefix}${name}/` })
    }
    return [left, right]
  }

  return {
    list,
    all,
    async pair(before, after) {
      if (before === after) return [new Map(), new Map()]
      const [left, right] = await Promise.all([list(before, true), list(after, true)])
      if (!left.isComplete || !right.isComplete) return walkPair(before, after)
      return [flat(left), flat(right)]
    },
  }
}

/** @throws AppError forge-incomplete when one path stands twice: names that are not UTF-8 lose their difference */
function flat(listing: Listing): FlatTree {
  const files = listing.entries.filter((entry) => !entry.isTree)
  const tree = new Map(files.map((entry) => [entry.path, { mode: entry.mode, blob: entry.id as BlobId }]))
  if (tree.size !== files.length) throw tooLarge('path-twice')
  return tree
}
