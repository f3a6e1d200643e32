/** A pull request as a path names it. Trust: a stranger's, but nothing in it can leave its place in a path or a page. */
export interface ChangePath {
  readonly owner: string
  readonly repo: string
  readonly number: number
}

const ownerShape = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/
const repoShape = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/
const numberShape = /^[1-9]\d{0,8}$/

/** Null for anything that cannot name a pull request. */
export function changeOf(params: unknown): ChangePath | null {
  const { owner = '', repo = '', number = '' } = params as Partial<Record<string, string>>
  if (!ownerShape.test(owner) || !repoShape.test(repo) || !numberShape.test(number)) return null
  return { owner, repo, number: Number(number) }
}
