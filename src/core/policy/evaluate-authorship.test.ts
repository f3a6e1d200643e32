import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { account, commit, facts, policy } from '../../../test/fakes/governed-change.ts'
import type { Attribution, CommitFacts } from '../facts/facts.ts'
import { authorshipFault, authorshipOf, commitsToDeny } from './evaluate-authorship.ts'

const persons = ['m1', 'm2', 'm3'].map(account)
const attribution: fc.Arbitrary<Attribution> = fc.oneof(
  fc.record({ account: fc.constantFrom(...persons), how: fc.constantFrom('signature', 'email', 'trailer') }),
  fc.record({ account: fc.constant(null), how: fc.constantFrom('forge', 'none') }),
)
const commits: fc.Arbitrary<CommitFacts[]> = fc
  .array(fc.tuple(attribution, attribution, fc.array(attribution, { maxLength: 2 })), { minLength: 1, maxLength: 4 })
  .map((rows) =>
    rows.map(([author, committer, coAuthors], at) => ({ sha: commit(`c${at}`), author, committer, coAuthors })),
  )

test('T39 T17 denying exactly the commits that a challenge lists leaves a certain author only, and none of them is idle', () => {
  fc.assert(
    fc.property(commits, fc.constantFrom(...persons), (list, person) => {
      const of = facts({ commits: list, opener: account('x1'), pushers: [] })
      const authorship = authorshipOf(of)
      const denied = commitsToDeny(of, person)
      const fault = authorshipFault(authorship, policy.options, person, denied)
      assert.equal(fault?.code === 'author-of-change' && fault.commit === null, authorship.certain.has(person))
      if (fault !== null) return
      for (const kept of denied) {
        const rest = denied.filter((sha) => sha !== kept)
        assert.notEqual(authorshipFault(authorship, policy.options, person, rest), null)
      }
    }),
  )
})
