import { asRepositoryId, encodeBase64, encodeBase64Url, explain, formatInstant } from './core/index.ts'
import type { createPublicServer } from './delivery/http/public-server.ts'
import { challenge } from './flows/gate/challenge.ts'
import { currentNames } from './flows/gate/names.ts'
import type { Changes, Registry } from './flows/ports.ts'

type PublicParts = Parameters<typeof createPublicServer>[0]

/** What the public listener answers about one change: the challenge to sign, and why it is decided as it is. */
export function composeAnswers(
  needs: Parameters<typeof challenge>[0] & {
    readonly registry: Registry
    readonly changes: Changes
  },
): Pick<PublicParts, 'challenge' | 'details'> {
  const { registry, changes, verdicts } = needs
  return {
    challenge: async ({ owner, repo, number, maintainer, keyid, wish }) => {
      const made = await challenge(needs, {
        repository: `${owner}/${repo}`,
        number,
        maintainer,
        keyid,
        wish,
      })
      if (made === null) return { ok: false }
      const { payload, pae, expiresAt, commands } = made
      return {
        ok: true,
        body: {
          payload: encodeBase64Url(payload),
          pae: encodeBase64(pae),
          keyid: made.keyid,
          expiresAt: formatInstant(expiresAt),
          commands,
          diff: made.diff,
        },
      }
    },
    details: async ({ owner, repo, number }) => {
      const name = `${owner}/${repo}`.toLowerCase()
      const repository = (await registry.repositories()).find((known) => known.name.toLowerCase() === name)
      if (repository === undefined || repository.private) return null
      const record = await changes.find(asRepositoryId(repository.id), number)
      return record?.verdict == null
        ? null
        : explain(await verdicts.read(record.verdict.digest), 'plain', await currentNames(registry))
    },
  }
}
