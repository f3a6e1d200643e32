import { tilePath, tilesBetween, tileWidth } from '../../core/index.ts'
import type { LogFiles } from '../ports.ts'

/** How many tiles a look for what an earlier process left goes back at most; `all` looks at every one. */
const mostLookedAt = 1_000
/** So many tiles in a row without partial files say that those before have none either. */
const mostWithout = 16
/** Tiles whose partial files go in one round, so that the next head does not wait for long. */
const mostAtOnce = 16
const filesAtOnce = 32

type Place = Pick<LogFiles, 'read' | 'partials' | 'remove'>

const firstRow = (index: number): string => tilePath({ kind: 'hashes', level: 0, index, width: tileWidth })

/** The full files that the log has since its `index`-th full tile of leaves; that tile last, so that it says when all is done. */
function filledWith(index: number): readonly string[] {
  const full = tilesBetween(index * tileWidth, (index + 1) * tileWidth).filter(({ width }) => width === tileWidth)
  const last = firstRow(index)
  return [...full.map(tilePath).filter((path) => path !== last), last]
}

async function removePartials(files: Place, full: string): Promise<void> {
  const partials = await files.partials(full)
  // What is the only copy stays, whatever should be there.
  if (partials.length === 0 || (await files.read(full)) === null) return
  for (let first = 0; first < partials.length; first += filesAtOnce)
    await Promise.all(partials.slice(first, first + filesAtOnce).map((path) => files.remove(path)))
}

/**
 * The first full tile from which on an earlier process may have left partial files: it removed them in ascending order. One
 * that was filled in a single step never had any, so that a few without say nothing.
 */
async function firstLeft(files: Place, end: number): Promise<number> {
  let first = end
  for (let index = end - 1; index >= 0 && first - index <= mostWithout && end - index <= mostLookedAt; index--)
    if ((await files.partials(firstRow(index))).length > 0) first = index
  return first
}

/** Removes from one place the partial files of tiles that are full by now. */
export interface Outgrown {
  /**
   * One round over the tiles that are full in the log of this size, which must be one whose head the place has shown for a
   * while: readers of older heads take the full tile, readers of this one and newer ones find their own partial files.
   * With `all` every tile is looked at.
   * @throws AppError of the place. It is asked again when another tile is full: a place may let nothing go.
   */
  remove(size: number, all: boolean): Promise<void>
}

/** Nothing is remembered but by the place itself: after a crash the next round goes on from what is left there. */
export function createOutgrown(files: Place): Outgrown {
  /** Tiles of leaves before this one have no partial files; null while that is not known. */
  let clean: number | null = null
  /** Full tiles when the place refused last. */
  let refusedAt = -1

  return {
    async remove(size, all) {
      const end = Math.floor(size / tileWidth)
      if (!all && (end <= (clean ?? 0) || end <= refusedAt)) return
      try {
        const first = all ? 0 : (clean ?? (await firstLeft(files, end)))
        const last = all ? end : Math.min(end, first + mostAtOnce)
        for (let index = first; index < last; index++) {
          for (const full of filledWith(index)) await removePartials(files, full)
          clean = index + 1
        }
        clean = last
      } catch (error) {
        refusedAt = end
        throw error
      }
    },
  }
}
