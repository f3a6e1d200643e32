import { isRepositoryName } from './policy-source.ts'
import { UsageError } from './refusal.ts'

/** A pull request as people name it: `owner/name#7`. */
export interface ChangeName {
  readonly repository: string
  readonly number: number
}

/** @throws UsageError unless the text is `OWNER/REPO#NUMBER` */
export function changeNameOf(text: string): ChangeName {
  const [, repository = '', number = ''] = /^([^#\s]+)#([1-9]\d{0,8})$/.exec(text) ?? []
  if (!isRepositoryName(repository)) throw new UsageError(`${text} is not OWNER/REPO#NUMBER`)
  return { repository, number: Number(number) }
}
