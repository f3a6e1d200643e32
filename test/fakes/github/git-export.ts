/** Writes a repository to disk so that the real `git` can read it. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deflateSync } from 'node:zlib'
import type { ObjectStore } from './git-objects.ts'

/** What is exported: the objects, the refs by full name, and the branch that HEAD names. */
export type ExportedRepository = {
  readonly store: ObjectStore
  readonly refs: ReadonlyMap<string, string>
  readonly defaultBranch: string
}

/**
 * Writes loose objects, refs, HEAD and config. With `bare: false` the repository lies in `dir/.git` and has no index
 * or working files yet (`git checkout` writes them). Writing again into the same place adds what is new.
 */
export function exportRepository(repository: ExportedRepository, dir: string, options: { bare?: boolean } = {}): void {
  const bare = options.bare ?? true
  const root = bare ? dir : join(dir, '.git')
  for (const sub of ['objects/pack', 'objects/info', 'refs/heads', 'refs/tags']) {
    mkdirSync(join(root, sub), { recursive: true })
  }
  writeFileSync(join(root, 'HEAD'), `ref: refs/heads/${repository.defaultBranch}\n`)
  writeFileSync(join(root, 'config'), `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = ${bare}\n`)
  for (const [id, { type, body }] of repository.store.all()) {
    const path = join(root, 'objects', id.slice(0, 2), id.slice(2))
    if (existsSync(path)) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, deflateSync(Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]), { level: 1 }))
  }
  for (const [ref, id] of repository.refs) {
    const path = join(root, ref)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${id}\n`)
  }
}
