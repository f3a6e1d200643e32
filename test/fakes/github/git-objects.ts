/** Real git objects in memory: blobs, trees and commits whose ids are git's own SHA-1 ids. */
import { createHash } from 'node:crypto'

/** A git object type that the stand-in stores. */
export type ObjectType = 'blob' | 'tree' | 'commit'

/** One line of a tree object; `mode` is git's own spelling (`40000` for a directory). */
export type TreeEntry = { readonly name: string; readonly mode: string; readonly id: string }

/** A name, an e-mail address and a moment in milliseconds, as a commit carries them. */
export type GitPerson = { readonly name: string; readonly email: string; readonly at: number }

/** A commit, parsed. */
export type GitCommit = {
  readonly id: string
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: GitPerson
  readonly committer: GitPerson
  readonly message: string
  readonly signature: string | null
  readonly verified: boolean
  readonly signer: string | null
}

/** What a new commit is made of; the id follows from it. */
export type NewCommit = Omit<GitCommit, 'id'>

/** The id of a tree without entries. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

/** Forty zeros: git's way to say "no object". */
export const NO_OBJECT = '0'.repeat(40)

/** Object storage of one repository network; forks share it, as they do at GitHub. */
export type ObjectStore = {
  readonly all: () => IterableIterator<[string, { type: ObjectType; body: Buffer }]>
  readonly has: (id: string) => boolean
  readonly typeOf: (id: string) => ObjectType | undefined
  readonly putBlob: (content: string | Uint8Array) => string
  readonly putTree: (entries: readonly TreeEntry[]) => string
  readonly putCommit: (commit: NewCommit) => GitCommit
  readonly blob: (id: string) => Buffer
  readonly tree: (id: string) => readonly TreeEntry[]
  readonly commit: (id: string) => GitCommit
  readonly findCommit: (prefix: string) => GitCommit | undefined
}

/** The id git gives to these bytes. */
export function objectId(type: ObjectType, body: Uint8Array): string {
  return createHash('sha1').update(`${type} ${body.length}\0`).update(body).digest('hex')
}

const clean = (text: string) => text.replace(/[<>\n\0]/g, '').trim() || 'unknown'

function personLine(person: GitPerson): string {
  return `${clean(person.name)} <${clean(person.email)}> ${Math.floor(person.at / 1000)} +0000`
}

/** The bytes of a commit object. */
function commitBody(commit: NewCommit): Buffer {
  const lines = [`tree ${commit.tree}`, ...commit.parents.map((id) => `parent ${id}`)]
  lines.push(`author ${personLine(commit.author)}`, `committer ${personLine(commit.committer)}`)
  if (commit.signature !== null) lines.push(`gpgsig ${commit.signature.trimEnd().split('\n').join('\n ')}`)
  return Buffer.from(`${lines.join('\n')}\n\n${commit.message}`)
}

const sortName = (entry: TreeEntry) => Buffer.from(entry.mode === '40000' ? `${entry.name}/` : entry.name)

/** The bytes of a tree object, entries in git's order. */
function treeBody(entries: readonly TreeEntry[]): Buffer {
  const keyed = entries.map((entry) => ({ entry, key: sortName(entry) }))
  keyed.sort((a, b) => Buffer.compare(a.key, b.key))
  return Buffer.concat(
    keyed.flatMap(({ entry }) => [Buffer.from(`${entry.mode} ${entry.name}\0`), Buffer.from(entry.id, 'hex')]),
  )
}

/** An empty store. */
export function createObjectStore(): ObjectStore {
  const objects = new Map<string, { type: ObjectType; body: Buffer }>()
  const trees = new Map<string, readonly TreeEntry[]>()
  const commits = new Map<string, GitCommit>()
  const put = (type: ObjectType, body: Buffer) => {
    const id = objectId(type, body)
    if (!objects.has(id)) objects.set(id, { type, body })
    return id
  }
  const found = <T>(value: T | undefined, what: string): T => {
    if (value === undefined) throw new Error(`no such git object: ${what}`)
    return value
  }
  const store: ObjectStore = {
    all: () => objects.entries(),
    has: (id) => objects.has(id),
    typeOf: (id) => objects.get(id)?.type,
    putBlob: (content) => put('blob', Buffer.from(content)),
    putTree: (entries) => {
      const id = put('tree', treeBody(entries))
      if (!trees.has(id)) trees.set(id, [...entries])
      return id
    },
    putCommit: (commit) => {
      const id = put('commit', commitBody(commit))
      const parsed: GitCommit = commits.get(id) ?? { ...commit, id }
      commits.set(id, parsed)
      return parsed
    },
    blob: (id) => found(objects.get(id)?.type === 'blob' ? objects.get(id)?.body : undefined, `blob ${id}`),
    tree: (id) => found(trees.get(id), `tree ${id}`),
    commit: (id) => found(commits.get(id), `commit ${id}`),
    findCommit: (prefix) => {
      const whole = commits.get(prefix)
      if (whole !== undefined || prefix.length < 7 || prefix.length === 40) return whole
      const hits = [...commits.values()].filter((commit) => commit.id.startsWith(prefix))
      return hits.length === 1 ? hits[0] : undefined
    },
  }
  store.putTree([])
  return store
}
