/** People, organizations and bots; e-mail attribution; roles in repositories. */
import type { GitPerson } from './git-objects.ts'
import type { Account, Repository, Role, World } from './world.ts'

/** Makes an account with the next numeric id. */
export function createAccount(world: World, login: string, type: Account['type'], emails: string[] = []): Account {
  if (world.byLogin.has(login.toLowerCase())) throw new Error(`login ${login} is taken`)
  const account: Account = { id: world.nextId(), login, type, emails, createdAt: world.clock.now() }
  world.accounts.set(account.id, account)
  world.byLogin.set(login.toLowerCase(), account)
  return account
}

/** The account with this login now. @throws when there is none */
export function accountOf(world: World, login: string): Account {
  const account = world.byLogin.get(login.toLowerCase())
  if (account === undefined) throw new Error(`no account ${login}`)
  return account
}

/** Gives the account another login; the old one is free for anybody afterwards. */
export function renameAccount(world: World, login: string, to: string): Account {
  const account = accountOf(world, login)
  if (world.byLogin.has(to.toLowerCase())) throw new Error(`login ${to} is taken`)
  world.byLogin.delete(login.toLowerCase())
  account.login = to
  world.byLogin.set(to.toLowerCase(), account)
  for (const repository of world.repositories.values()) {
    if (repository.owner !== account) continue
    const old = `${login}/${repository.name}`.toLowerCase()
    world.byName.delete(old)
    world.movedNames.set(old, repository.id)
    world.byName.set(`${to}/${repository.name}`.toLowerCase(), repository)
  }
  return account
}

/** The private address that GitHub writes for web merges. */
const noreplyOf = (account: Account) => `${account.id}+${account.login}@users.noreply.github.com`

/** Who a commit is by, for commits that the web interface or the control API makes. */
export const gitPersonOf = (account: Account, at: number): GitPerson => ({
  name: account.login,
  email: account.emails[0] ?? noreplyOf(account),
  at,
})

/** The account an e-mail address belongs to, or null: GitHub cannot attribute such a commit. */
export function attribute(world: World, email: string): Account | null {
  if (email === 'noreply@github.com') return world.byLogin.get('web-flow') ?? null
  const noreply = /^(?:(\d+)\+)?([^@]+)@users\.noreply\.github\.com$/i.exec(email)
  if (noreply !== null) {
    if (noreply[1] !== undefined) return world.accounts.get(Number(noreply[1])) ?? null
    return world.byLogin.get((noreply[2] ?? '').toLowerCase()) ?? null
  }
  const wanted = email.toLowerCase()
  for (const account of world.accounts.values()) {
    if (account.emails.some((address) => address.toLowerCase() === wanted)) return account
  }
  return null
}

/** The role of an account in a repository, or null. */
export function roleIn(repository: Repository, account: Account): Role | null {
  if (repository.owner === account) return 'admin'
  return repository.collaborators.get(account.id) ?? null
}

const ORDER: readonly Role[] = ['read', 'triage', 'write', 'maintain', 'admin']

/** Whether the account's role is at least the wanted one. */
export function hasRole(repository: Repository, account: Account, wanted: Role): boolean {
  const role = roleIn(repository, account)
  return role !== null && ORDER.indexOf(role) >= ORDER.indexOf(wanted)
}
