import { existsSync } from 'node:fs'

const root = new URL('../../../shared/vectors/', import.meta.url)

/** Where a public vector lies beside the repository, and the reason to skip its test when it does not. */
export function sharedVector(path: string): { readonly url: URL; readonly skip: string | false } {
  const url = new URL(path, root)
  return { url, skip: existsSync(url) ? false : 'vectors absent: ../shared/vectors' }
}
