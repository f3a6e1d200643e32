/** A repository as a path names it. Trust: a stranger's, but nothing in it can leave its place in a path or a page. */
export interface RepositoryPath {
  readonly owner: string
  readonly repo: string
}

/** A pull request as a path names it. */
export interface ChangePath extends RepositoryPath {
  readonly number: number
}

const ownerShape = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/
const repoShape = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/
const numberShape = /^[1-9]\d{0,8}$/

/** Null for anything that cannot name a repository. */
export function repositoryOf(params: unknown): RepositoryPath | null {
  const { owner = '', repo = '' } = params as Partial<Record<string, string>>
  return ownerShape.test(owner) && repoShape.test(repo) ? { owner, repo } : null
}

/** Null for anything that cannot name a pull request. */
export function changeOf(params: unknown): ChangePath | null {
  const repository = repositoryOf(params)
  const { number = '' } = params as Partial<Record<string, string>>
  return repository === null || !numberShape.test(number) ? null : { ...repository, number: Number(number) }
}
