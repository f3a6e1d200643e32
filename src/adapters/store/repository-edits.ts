import type { RepositoryRecord, Write } from '../../flows/ports.ts'

/** The repository with what was seen of one of its branches moved, as `branch-seen` says. */
export const withBranchSeen = (
  record: RepositoryRecord,
  { ref, seen }: Extract<Write, { readonly kind: 'branch-seen' }>,
): RepositoryRecord => ({
  ...record,
  branches: record.branches.map((branch) => (branch.ref === ref ? { ...branch, seen } : branch)),
})
