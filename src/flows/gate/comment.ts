import type { RepositoryId } from '../../core/index.ts'
import type { ForgeAccount } from '../ports.ts'

/** A new comment on a pull request, as the forge or its list of comments tells it. */
export interface Comment {
  readonly repository: RepositoryId
  readonly number: number
  readonly commentId: number
  readonly author: ForgeAccount
  readonly body: string
}
