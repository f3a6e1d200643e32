import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, formatCheckpointBody, parseCheckpointBody } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { WitnessedHead, WitnessState } from '../../flows/ports.ts'

/** A head on disk: `<SHA-256 of the origin>.<turn>`; the highest turn counts. Its bytes are the body of a checkpoint. */
const headFile = /^([0-9a-f]{64})\.(\d{15})$/
const digits = 15

type Newest = { readonly turn: number; readonly head: WitnessedHead } | null

const isSame = (a: WitnessedHead | null, b: WitnessedHead | null): boolean =>
  a === null || b === null ? a === b : a.size === b.size && equalBytes(a.root, b.root)

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

/**
 * The memory of a witness in a directory: one small file per head, no database.
 *
 * A head is put in place by linking a whole, synced file to the name of the next turn, which fails when any process took that
 * turn. Old turns are removed only after a newer one is durable; whoever finds a newer turn than the own lost the race.
 * @throws AppError store-unavailable when the directory cannot be made
 */
export async function openFileWitnessState(directory: string): Promise<WitnessState> {
  const reach = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      throw new AppError('store-unavailable', 'the memory of the witness cannot be reached', {
        cause,
        data: { reason: codeOf(cause) ?? null },
      })
    }
  }
  const nameOf = (origin: string): string => createHash('sha256').update(origin).digest('hex')
  const pathOf = (name: string, turn: number): string =>
    join(directory, `${name}.${String(turn).padStart(digits, '0')}`)

  async function syncDirectory(): Promise<void> {
    const handle = await open(directory, 'r')
    await syncAndClose(handle)
  }

  async function turnsOf(name: string): Promise<number[]> {
    const turns: number[] = []
    for (const file of await readdir(directory)) {
      const match = headFile.exec(file)
      if (match?.[1] === name) turns.push(Number(match[2]))
    }
    return turns.sort((a, b) => b - a)
  }

  async function readHead(path: string): Promise<{ readonly origin: string; readonly head: WitnessedHead }> {
    const parsed = parseCheckpointBody(await readFile(path, 'utf8'))
    if (!parsed.ok)
      throw new AppError('store-corrupt', 'a head that the witness remembers is damaged', { data: { path } })
    const { origin, size, root } = parsed.checkpoint
    return { origin, head: { size, root } }
  }

  async function newestOf(origin: string): Promise<Newest> {
    const name = nameOf(origin)
    for (;;) {
      const [turn] = await turnsOf(name)
      if (turn === undefined) return null
      try {
        const found = await readHead(pathOf(name, turn))
        if (found.origin !== origin)
          throw new AppError('store-corrupt', 'a head that the witness remembers is of another log')
        return { turn, head: found.head }
      } catch (error) {
        // Removed between the two reads: there is a newer one.
        if (codeOf(error) !== 'ENOENT') throw error
      }
    }
  }

  async function writeTurn(origin: string, turn: number, head: WitnessedHead): Promise<boolean> {
    const name = nameOf(origin)
    const temporary = join(directory, `${randomBytes(8).toString('hex')}.new`)
    try {
      const handle = await open(temporary, 'wx', 0o600)
      try {
        await handle.writeFile(formatCheckpointBody({ origin, ...head }))
      } finally {
        await syncAndClose(handle)
      }
      await link(temporary, pathOf(name, turn))
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    } finally {
      await rm(temporary, { force: true })
    }
    await syncDirectory()
    const turns = await turnsOf(name)
    // A turn that was free because it had been taken and removed again.
    if (turns[0] !== turn) return false
    for (const old of turns.slice(1)) await rm(pathOf(name, old), { force: true })
    return true
  }

  await reach(() => mkdir(directory, { recursive: true, mode: 0o700 }))
  return {
    read: (origin) => reach(async () => (await newestOf(origin))?.head ?? null),
    advance: (origin, from, to) =>
      reach(async () => {
        const newest = await newestOf(origin)
        if (!isSame(newest?.head ?? null, from)) return false
        if (isSame(from, to)) return true
        return writeTurn(origin, (newest?.turn ?? 0) + 1, to)
      }),
  }
}

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
