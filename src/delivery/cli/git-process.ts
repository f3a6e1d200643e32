import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inertPlain as inert } from '../../core/index.ts'
import { type CloneDirectory, usesSha256 } from './clone-directory.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxOutputBytes = 512 * 1024 * 1024
const maxObjectBytes = 16 * 1024 * 1024
const timeoutMs = 600_000

export interface GitAnswer {
  readonly exit: number
  readonly out: Buffer
  readonly err: string
}

/** One object as git stores it; null where the clone has none. */
export type GitObject = { readonly type: string; readonly body: Buffer } | null

/** Git, over the objects of one clone. */
export interface GitProcess {
  /** Never throws for what git answers; only when git is missing or over its limits. */
  run(args: readonly string[]): Promise<GitAnswer>
  /** Reads small objects, one after the other, in one long-lived process. */
  object(id: string): Promise<GitObject>
  readonly isSha256: boolean
  close(): Promise<void>
}

const refusal = (message: string): Refusal =>
  new Refusal('clone-unreadable', inert(message), {
    exit: exitCode.unknown,
    remedy: 'Make a full clone (no --depth, no --filter) and name that; `git fsck` says whether this one is whole.',
  })

/** Settings of our own repository. What a clone's files could say falsely beside its objects is not looked at. */
const settings = (isSha256: boolean): string => `[core]
\trepositoryformatversion = ${isSha256 ? 1 : 0}
\tbare = true
\tcommitGraph = false
\tmultiPackIndex = false
\tquotePath = false
\thooksPath = /dev/null
[gc]
\tauto = 0
[protocol]
\tallow = never
${isSha256 ? '[extensions]\n\tobjectFormat = sha256\n' : ''}`

/**
 * Makes an empty repository of our own in a temporary directory that borrows the clone's objects, and runs git in there.
 *
 * The clone's configuration, hooks, attributes, grafts, replacements, shallow marks and remotes are therefore never seen, a
 * missing object is never fetched, and the trees of a test merge are written to the temporary directory only.
 * Trust: the objects are a stranger's; a packed object is believed to be what its index says until `git fsck` ran.
 */
export function openGit(clone: CloneDirectory, searchPath: string): GitProcess {
  const isSha256 = usesSha256(clone)
  const home = mkdtempSync(join(tmpdir(), 'governance-git-'))
  for (const part of ['objects/info', 'objects/pack', 'refs']) mkdirSync(join(home, part), { recursive: true })
  writeFileSync(join(home, 'HEAD'), 'ref: refs/heads/none\n')
  writeFileSync(join(home, 'config'), settings(isSha256))
  writeFileSync(join(home, 'objects/info/alternates'), `${clone.objects}\n`)
  const options = {
    cwd: home,
    env: {
      PATH: searchPath,
      LC_ALL: 'C',
      HOME: home,
      GIT_DIR: home,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_NO_LAZY_FETCH: '1',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_TERMINAL_PROMPT: '0',
    },
  }
  let batch: ObjectStream | null = null
  return {
    isSha256,
    run: (args) =>
      new Promise((resolve, reject) => {
        execFile(
          'git',
          [...args],
          { ...options, encoding: 'buffer', maxBuffer: maxOutputBytes, timeout: timeoutMs },
          (error, out, err) => {
            const text = err.toString('utf8').trim().slice(0, 300)
            if (error === null) resolve({ exit: 0, out, err: text })
            else if (typeof error.code === 'number') resolve({ exit: error.code, out, err: text })
            else if (error.code === 'ENOENT')
              reject(new Refusal('no-git', 'git is not installed', { exit: exitCode.unknown }))
            else reject(refusal(`git ${args[0] ?? ''} took too long or answered too much`))
          },
        )
      }),
    object: (id) =>
      (batch ??= openObjects(spawn('git', ['cat-file', '--batch'], { ...options, stdio: 'pipe' }))).read(id),
    async close() {
      await batch?.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

interface ObjectStream {
  read(id: string): Promise<GitObject>
  close(): Promise<void>
}

/** Speaks `cat-file --batch`: one id per line in, a header line and the body out. */
function openObjects(child: ChildProcess): ObjectStream {
  let pending: Buffer = Buffer.alloc(0)
  let fault: Refusal | null = null
  let wake: () => void = () => undefined
  const stop = (message: string): void => {
    fault ??= refusal(message)
    child.kill('SIGKILL')
    wake()
  }
  child.stdout?.on('data', (bytes: Buffer) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    wake()
  })
  child.on('error', () => stop('git cannot be started'))
  child.on('close', () => stop('git ended before it answered'))
  child.stdin?.on('error', () => stop('git ended before it was asked'))

  async function until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      if (fault !== null) throw fault
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  async function readOne(id: string): Promise<GitObject> {
    if (fault !== null) throw fault
    child.stdin?.write(`${id}\n`)
    await until(() => pending.includes(0x0a))
    const end = pending.indexOf(0x0a)
    const header = pending.subarray(0, end).toString('latin1')
    if (header === `${id} missing`) {
      pending = pending.subarray(end + 1)
      return null
    }
    const [found, type = '', size = ''] = header.split(' ')
    const bytes = Number(size)
    if (found !== id || !/^\d+$/.test(size) || bytes > maxObjectBytes) {
      stop(`object ${id} is too large, or git answers what is not understood`)
      throw fault ?? refusal('git stopped')
    }
    await until(() => pending.length >= end + 1 + bytes + 1)
    const body = Buffer.from(pending.subarray(end + 1, end + 1 + bytes))
    pending = pending.subarray(end + 1 + bytes + 1)
    return { type, body }
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    read(id) {
      const next = last.then(() => readOne(id))
      last = next.catch(() => undefined)
      return next
    },
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve()
        else {
          child.once('close', () => resolve())
          child.stdin?.end()
        }
      }),
  }
}
