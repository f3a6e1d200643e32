import type { ForgeAccount, ForgeAdmin, ForgeRepository, Ruleset } from '../../flows/ports.ts'
import { AppError } from '../../flows/app-error.ts'
import { forgeDateOf, objectOf, objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { writtenId } from './checks.ts'
import type { Client, Credential } from './call.ts'
import { readPages } from './pages.ts'
import { accountFrom, booleanAt, idAt, objectAt, refAt, repositoryFrom, textAt } from './payload-fields.ts'
import { fulfils, rulesetBody } from './rulesets.ts'

const loginText = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(?:\[bot\])?$/
const maxPages = 20

/** ForgeAdmin, whose ruleset search can also see with an administrator's eyes. */
export interface GitHubAdmin extends ForgeAdmin {
  /**
   * The id of a ruleset that fulfils `wanted`, or null.
   *
   * Errs: the forge hides bypass actors from all but administrators; without `adminToken` a hidden list counts as empty.
   */
  findRuleset(repository: ForgeRepository, wanted: Ruleset, adminToken?: string): Promise<number | null>
}

/** Makes the port for set-up and diagnosis. @see ForgeAdmin for what it promises */
export function createAdmin(client: Client): GitHubAdmin {
  const app = { kind: 'app' } as const

  /** Accounts are public, but an anonymous caller has 60 requests an hour: any installation's token does. */
  async function anyCredential(): Promise<Credential> {
    const { json } = await client.call({ as: app, kind: 'read', path: '/app/installations', query: { per_page: 100 } })
    const usable = reading(() => objectsOf(json, 'installations')).find((one) => (one.suspended_at ?? null) === null)
    return usable === undefined
      ? { kind: 'none' }
      : { kind: 'installation', id: reading(() => idAt(usable, 'id', 'installation.id')) }
  }

  return {
    async app() {
      const answer = await client.call({ as: app, kind: 'read', path: '/app' })
      return reading(() => {
        const found = objectOf(answer.json, 'app')
        const permissions: Record<string, string> = {}
        for (const [name, level] of Object.entries(objectAt(found, 'permissions', 'permissions'))) {
          permissions[name] = typeof level === 'string' ? level : 'unknown'
        }
        return {
          id: idAt(found, 'id', 'id'),
          slug: textAt(found, 'slug', 'slug', 256),
          permissions,
          forgeDate: forgeDateOf(answer),
        }
      })
    },

    async resolve(name) {
      const [owner = '', repository = '', rest] = name.split('/')
      if (rest !== undefined) throw new AppError('forge-not-found', 'a repository is named owner/name')
      const where = path`/repos/${owner}/${repository}`
      const installed = await client.call({ as: app, kind: 'read', path: `${where}/installation` })
      const installation = reading(() => idAt(objectOf(installed.json, 'installation'), 'id', 'installation.id'))
      const { json } = await client.call({ as: { kind: 'installation', id: installation }, kind: 'read', path: where })
      return reading(() => {
        const found = objectOf(json, 'repository')
        return {
          ...repositoryFrom(found, 'repository'),
          installation,
          private: booleanAt(found, 'private', 'private'),
          defaultBranch: refAt(found, 'default_branch', 'default_branch'),
        }
      })
    },

    async account(login): Promise<ForgeAccount | null> {
      if (!loginText.test(login)) return null
      try {
        const { json } = await client.call({ as: await anyCredential(), kind: 'read', path: path`/users/${login}` })
        return reading(() => accountFrom(objectOf(json, 'account'), 'account'))
      } catch (error) {
        if (error instanceof AppError && error.code === 'forge-not-found') return null
        throw error
      }
    },

    async findRuleset(repository, wanted, adminToken) {
      const as: Credential =
        adminToken === undefined
          ? { kind: 'installation', id: repository.installation }
          : { kind: 'bearer', token: adminToken }
      const where = path`/repositories/${repository.id}/rulesets`
      const ids: number[] = []
      await readPages(client, { as, kind: 'read', path: where, query: { targets: 'branch' } }, maxPages, ({ json }) =>
        reading(() => {
          for (const row of objectsOf(json, 'rulesets')) {
            const isCandidate = row.enforcement === 'active' && (row.target ?? 'branch') === 'branch'
            if (isCandidate) ids.push(idAt(row, 'id', 'ruleset.id'))
          }
          return true
        }),
      )
      for (const id of ids) {
        const { json } = await client.call({ as, kind: 'read', path: `${where}/${id}` })
        if (
          fulfils(
            reading(() => objectOf(json, 'ruleset')),
            wanted,
          )
        )
          return id
      }
      return null
    },

    async createRuleset(repository, wanted, adminToken) {
      const { json } = await client.call({
        as: { kind: 'bearer', token: adminToken },
        kind: 'write',
        method: 'POST',
        path: path`/repositories/${repository.id}/rulesets`,
        body: rulesetBody(wanted),
      })
      return writtenId(json).id
    },
  }
}
