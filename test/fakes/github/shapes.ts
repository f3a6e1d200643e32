/** The REST shapes of accounts, repositories, Apps, installations, commits. */
import { attribute } from './accounts.ts'
import type { GitCommit, GitPerson } from './git-objects.ts'
import {
  type Account,
  type App,
  fullName,
  type Installation,
  iso,
  isoOrNull,
  type Json,
  type Permissions,
  type Repository,
  type World,
} from './world.ts'

/** An opaque node id. */
export const nodeId = (kind: string, id: number | string) => Buffer.from(`${kind}:${id}`).toString('base64url')

/** A "simple user". */
export function accountShape(world: World, account: Account): Json {
  const url = `${world.url}/users/${encodeURIComponent(account.login)}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('U', account.id),
    avatar_url: `${world.url}/avatars/u/${account.id}`,
    gravatar_id: '',
    url,
    html_url: `${world.url}/${account.login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.type,
    user_view_type: 'public',
    site_admin: false,
  }
}

/** An account or null. */
export const accountOrNull = (world: World, account: Account | null): Json | null =>
  account === null ? null : accountShape(world, account)

/** The organization block of a webhook, for repositories that an organization owns. */
export function organizationShape(world: World, account: Account): Json {
  const url = `${world.url}/orgs/${account.login}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('O', account.id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${world.url}/avatars/u/${account.id}`,
    description: '',
  }
}

/** A repository as `GET /repos/…` and webhooks show it. */
export function repositoryShape(world: World, repository: Repository): Json {
  const name = fullName(repository)
  const url = `${world.url}/repos/${name}`
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: name,
    private: repository.isPrivate,
    owner: accountShape(world, repository.owner),
    html_url: `${world.url}/${name}`,
    description: null,
    fork: repository.parent !== null,
    url,
    branches_url: `${url}/branches{/branch}`,
    collaborators_url: `${url}/collaborators{/collaborator}`,
    comments_url: `${url}/comments{/number}`,
    commits_url: `${url}/commits{/sha}`,
    compare_url: `${url}/compare/{base}...{head}`,
    contents_url: `${url}/contents/{+path}`,
    git_commits_url: `${url}/git/commits{/sha}`,
    git_refs_url: `${url}/git/refs{/sha}`,
    hooks_url: `${url}/hooks`,
    issue_comment_url: `${url}/issues/comments{/number}`,
    issues_url: `${url}/issues{/number}`,
    pulls_url: `${url}/pulls{/number}`,
    statuses_url: `${url}/statuses/{sha}`,
    trees_url: `${url}/git/trees{/sha}`,
    clone_url: `${world.url}/${name}.git`,
    created_at: iso(repository.createdAt),
    updated_at: iso(repository.pushedAt),
    pushed_at: iso(repository.pushedAt),
    homepage: null,
    size: repository.refs.size,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    forks_count: 0,
    archived: false,
    disabled: false,
    open_issues_count: [...repository.issues.values()].filter((issue) => issue.state === 'open').length,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repository.isPrivate ? 'private' : 'public',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: repository.defaultBranch,
  }
}

/** The short repository of installation events. */
export const repositoryStub = (repository: Repository): Json => ({
  id: repository.id,
  node_id: nodeId('R', repository.id),
  name: repository.name,
  full_name: fullName(repository),
  private: repository.isPrivate,
})

/** A GitHub App. */
export function appShape(world: World, app: App): Json {
  return {
    id: app.id,
    slug: app.slug,
    client_id: app.clientId,
    node_id: nodeId('A', app.id),
    owner: accountShape(world, app.owner),
    name: app.name,
    description: '',
    external_url: `${world.url}/external`,
    html_url: `${world.url}/apps/${app.slug}`,
    created_at: iso(app.createdAt),
    updated_at: iso(app.createdAt),
    permissions: app.permissions,
    events: app.events,
  }
}

/** An installation. */
export function installationShape(
  world: World,
  installation: Installation,
  permissions: Permissions = installation.permissions,
): Json {
  const url = `${world.url}/app/installations/${installation.id}`
  return {
    id: installation.id,
    client_id: installation.app.clientId,
    account: accountShape(world, installation.account),
    repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
    access_tokens_url: `${url}/access_tokens`,
    repositories_url: `${world.url}/installation/repositories`,
    html_url: `${world.url}/settings/installations/${installation.id}`,
    app_id: installation.app.id,
    app_slug: installation.app.slug,
    target_id: installation.account.id,
    target_type: installation.account.type,
    permissions,
    events: installation.app.events,
    created_at: iso(installation.createdAt),
    updated_at: iso(installation.suspendedAt ?? installation.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_at: isoOrNull(installation.suspendedAt),
    suspended_by: null,
  }
}

const personShape = (person: GitPerson): Json => ({ name: person.name, email: person.email, date: iso(person.at) })

/** The verification block of a commit. */
function verificationShape(commit: GitCommit): Json {
  const signed = commit.signature !== null
  return {
    verified: commit.verified,
    reason: commit.verified ? 'valid' : signed ? 'unknown_key' : 'unsigned',
    signature: commit.signature,
    payload: signed ? `tree ${commit.tree}\n` : null,
    verified_at: commit.verified ? iso(commit.committer.at) : null,
  }
}

/** A commit as `git/commits/…` shows it: no accounts. */
export function gitCommitShape(world: World, repository: Repository, commit: GitCommit): Json {
  const url = `${world.url}/repos/${fullName(repository)}/git`
  return {
    sha: commit.id,
    node_id: nodeId('C', commit.id),
    url: `${url}/commits/${commit.id}`,
    html_url: `${world.url}/${fullName(repository)}/commit/${commit.id}`,
    author: personShape(commit.author),
    committer: personShape(commit.committer),
    tree: { sha: commit.tree, url: `${url}/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${url}/commits/${sha}`,
      html_url: `${world.url}/${fullName(repository)}/commit/${sha}`,
    })),
    verification: verificationShape(commit),
  }
}

/** A commit as `commits/…` and `pulls/…/commits` show it: with accounts where the e-mail address tells. */
export function commitShape(world: World, repository: Repository, commit: GitCommit): Json {
  const name = fullName(repository)
  const url = `${world.url}/repos/${name}/commits/${commit.id}`
  return {
    sha: commit.id,
    node_id: nodeId('C', commit.id),
    commit: {
      author: personShape(commit.author),
      committer: personShape(commit.committer),
      message: commit.message,
      tree: { sha: commit.tree, url: `${world.url}/repos/${name}/git/trees/${commit.tree}` },
      url: `${world.url}/repos/${name}/git/commits/${commit.id}`,
      comment_count: 0,
      verification: verificationShape(commit),
    },
    url,
    html_url: `${world.url}/${name}/commit/${commit.id}`,
    comments_url: `${url}/comments`,
    author: accountOrNull(world, attribute(world, commit.author.email)),
    committer: accountOrNull(world, attribute(world, commit.committer.email)),
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${world.url}/repos/${name}/commits/${sha}`,
      html_url: `${world.url}/${name}/commit/${sha}`,
    })),
  }
}
