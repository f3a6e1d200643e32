import { dependenciesPage } from './dependencies-page.ts'

/** A file of the repository that is derived from the code; `produce` returns its whole text. */
export type Generator = { readonly path: string; readonly produce: (root: string) => string | Promise<string> }

/** Every generated file. A generator must depend on nothing but the tree: no clock, no network, no order of a file system. */
export const GENERATORS: readonly Generator[] = [{ path: 'docs/reference/dependencies.md', produce: dependenciesPage }]
