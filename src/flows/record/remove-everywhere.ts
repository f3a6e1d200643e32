import { AppError } from '../app-error.ts'
import type { LogFiles } from '../ports.ts'

/** How removing a file from one place went; `code` is null where it is gone. */
export interface Removal {
  readonly place: string
  readonly code: string | null
}

/** Removes a file from every place; one that refuses keeps no other from being asked. */
export async function removeEverywhere(
  path: string,
  places: readonly { readonly place: string; readonly open: () => Promise<Pick<LogFiles, 'remove'>> }[],
): Promise<readonly Removal[]> {
  const removals: Removal[] = []
  for (const { place, open } of places) {
    try {
      await (await open()).remove(path)
      removals.push({ place, code: null })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      removals.push({ place, code: error.code })
    }
  }
  return removals
}
