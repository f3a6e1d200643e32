import { isJsonObject, type JsonObject, type RepositoryId } from '../../core/index.ts'
import type { ForgeAccount, ForgeEvent, ForgeEventDetail } from '../../flows/ports.ts'
import {
  accountFrom,
  booleanAt,
  commitAt,
  FieldFault,
  gitIdAt,
  idAt,
  listAt,
  objectAt,
  optionalObjectAt,
  optionalTextAt,
  orNull,
  refAt,
  repositoryFrom,
  repositoryNameAt,
  textAt,
} from './payload-fields.ts'

const maxCheckName = 1024
/** The forge allows 65,536 characters in a comment. */
const maxComment = 65_536 * 2
const actionName = /^[a-z_]{1,64}$/

type Envelope = Omit<ForgeEvent, 'guid' | 'event' | 'detail'>
type Read = (payload: JsonObject, envelope: Envelope) => ForgeEventDetail

const other: ForgeEventDetail = { kind: 'other' }

function change(payload: JsonObject, { action, sender }: Envelope): ForgeEventDetail {
  const pull = objectAt(payload, 'pull_request', 'pull_request')
  const head = objectAt(pull, 'head', 'pull_request.head')
  const base = objectAt(pull, 'base', 'pull_request.base')
  return {
    kind: 'change',
    number: idAt(pull, 'number', 'pull_request.number'),
    head: commitAt(head, 'sha', 'pull_request.head.sha'),
    baseRef: refAt(base, 'ref', 'pull_request.base.ref'),
    merged: pull.merged === undefined ? false : booleanAt(pull, 'merged', 'pull_request.merged'),
    // Only a synchronize says who moved the head; of a new pull request the opener alone is known.
    pusher: action === 'synchronize' ? (sender?.id ?? null) : null,
  }
}

function comment(payload: JsonObject): ForgeEventDetail {
  const issue = objectAt(payload, 'issue', 'issue')
  const said = objectAt(payload, 'comment', 'comment')
  const author = optionalObjectAt(said, 'user', 'comment.user')
  // An author whose account is gone is nobody, and nobody commands.
  if (author === null) return other
  return {
    kind: 'comment',
    number: idAt(issue, 'number', 'issue.number'),
    commentId: idAt(said, 'id', 'comment.id'),
    author: accountFrom(author, 'comment.user'),
    body: said.body === null ? '' : textAt(said, 'body', 'comment.body', maxComment),
    onChange: optionalObjectAt(issue, 'pull_request', 'issue.pull_request') !== null,
  }
}

function appOf(from: JsonObject, path: string): number | null {
  const app = optionalObjectAt(from, 'app', `${path}.app`)
  return app === null ? null : idAt(app, 'id', `${path}.app.id`)
}

function checkRun(payload: JsonObject): ForgeEventDetail {
  const run = objectAt(payload, 'check_run', 'check_run')
  return {
    kind: 'checks',
    head: commitAt(run, 'head_sha', 'check_run.head_sha'),
    name: textAt(run, 'name', 'check_run.name', maxCheckName),
    appId: appOf(run, 'check_run'),
    runId: idAt(run, 'id', 'check_run.id'),
    conclusion: optionalTextAt(run, 'conclusion', 'check_run.conclusion', 40),
  }
}

function checkSuite(payload: JsonObject): ForgeEventDetail {
  const suite = objectAt(payload, 'check_suite', 'check_suite')
  return {
    kind: 'checks',
    head: commitAt(suite, 'head_sha', 'check_suite.head_sha'),
    name: null,
    appId: appOf(suite, 'check_suite'),
    runId: null,
    conclusion: null,
  }
}

const status: Read = (payload) => ({
  kind: 'checks',
  head: commitAt(payload, 'sha', 'sha'),
  name: textAt(payload, 'context', 'context', maxCheckName),
  appId: null,
  runId: null,
  conclusion: null,
})

const push: Read = (payload, { sender }) => ({
  kind: 'push',
  ref: refAt(payload, 'ref', 'ref'),
  before: gitIdAt(payload, 'before', 'before'),
  after: gitIdAt(payload, 'after', 'after'),
  forced: booleanAt(payload, 'forced', 'forced'),
  pusher: sender?.id ?? null,
})

function mergeGroup(payload: JsonObject): ForgeEventDetail {
  const group = objectAt(payload, 'merge_group', 'merge_group')
  const base = refAt(group, 'base_ref', 'merge_group.base_ref')
  return {
    kind: 'merge-group',
    head: commitAt(group, 'head_sha', 'merge_group.head_sha'),
    baseRef: base.startsWith('refs/heads/') ? base.slice('refs/heads/'.length) : base,
  }
}

function idsOf(payload: JsonObject, key: string): RepositoryId[] {
  return listAt(payload, key, key).map((one, at) => {
    if (!isJsonObject(one)) throw new FieldFault(`${key}[${at}]`)
    return idAt(one, 'id', `${key}[${at}].id`) as RepositoryId
  })
}

const installation: Read = (payload) => ({ kind: 'installation', repositories: idsOf(payload, 'repositories') })

const installationRepositories: Read = (payload) => ({
  kind: 'installation',
  repositories: [...idsOf(payload, 'repositories_added'), ...idsOf(payload, 'repositories_removed')],
})

/** The name before a rename or transfer; null for every other action. */
function previousName(payload: JsonObject, { action, repository }: Envelope): string | null {
  if ((action !== 'renamed' && action !== 'transferred') || repository === null) return null
  const [owner = '', name = ''] = repository.name.split('/')
  const changes = objectAt(payload, 'changes', 'changes')
  if (action === 'renamed') {
    const repositoryChange = objectAt(changes, 'repository', 'changes.repository')
    const before = textAt(objectAt(repositoryChange, 'name', 'changes.repository.name'), 'from', 'changes.from', 100)
    return repositoryNameAt({ name: `${owner}/${before}` }, 'name', 'changes.repository.name.from')
  }
  const from = objectAt(objectAt(changes, 'owner', 'changes.owner'), 'from', 'changes.owner.from')
  const before = optionalObjectAt(from, 'user', 'changes.owner.from.user')
  const previous = before ?? objectAt(from, 'organization', 'changes.owner.from.organization')
  const login = textAt(previous, 'login', 'changes.owner.from.login', 100)
  return repositoryNameAt({ name: `${login}/${name}` }, 'name', 'changes.owner.from.login')
}

const repository: Read = (payload, envelope) => ({
  kind: 'repository',
  previousName: previousName(payload, envelope),
})

/** Events whose fields the gate relies on; `needs` says which part of the envelope must be there. */
const known: ReadonlyMap<string, { readonly needs: 'repository' | 'installation'; readonly read: Read }> = new Map([
  ['pull_request', { needs: 'repository', read: change }],
  ['issue_comment', { needs: 'repository', read: comment }],
  ['check_run', { needs: 'repository', read: checkRun }],
  ['check_suite', { needs: 'repository', read: checkSuite }],
  ['status', { needs: 'repository', read: status }],
  ['push', { needs: 'repository', read: push }],
  ['merge_group', { needs: 'repository', read: mergeGroup }],
  ['repository', { needs: 'repository', read: repository }],
  ['installation', { needs: 'installation', read: installation }],
  ['installation_repositories', { needs: 'installation', read: installationRepositories }],
])

function actionOf(payload: JsonObject): string | null {
  if (payload.action === undefined || payload.action === null) return null
  const action = textAt(payload, 'action', 'action', 64)
  if (!actionName.test(action)) throw new FieldFault('action')
  return action
}

function installationOf(payload: JsonObject): number | null {
  const found = optionalObjectAt(payload, 'installation', 'installation')
  return found === null ? null : idAt(found, 'id', 'installation.id')
}

function repositoryOf(payload: JsonObject): ForgeEvent['repository'] {
  const found = optionalObjectAt(payload, 'repository', 'repository')
  return found === null ? null : repositoryFrom(found, 'repository')
}

/** Said in every payload that tells of a repository, also of events that the gate does not use. */
function isPrivateIn(payload: JsonObject): boolean {
  return isJsonObject(payload.repository) && payload.repository.private === true
}

function senderOf(payload: JsonObject): ForgeAccount | null {
  const found = optionalObjectAt(payload, 'sender', 'sender')
  return found === null ? null : accountFrom(found, 'sender')
}

/**
 * Takes from a payload what the gate needs of this event, and nothing else.
 *
 * Trust: the payload is authenticated, its texts are strangers'.
 * Checks: required fields by event, positive ids, git ids in hex, refs and texts bounded.
 * Errs: an event that the gate does not use decodes to `other` whatever it holds.
 * @throws FieldFault naming the first field that is not as promised
 */
export function decodePayload(event: string, payload: JsonObject): Omit<ForgeEvent, 'guid' | 'event'> {
  const kind = known.get(event)
  if (kind === undefined) {
    return {
      action: orNull(() => actionOf(payload)),
      installation: orNull(() => installationOf(payload)),
      repository: orNull(() => repositoryOf(payload)),
      isPrivate: isPrivateIn(payload),
      sender: orNull(() => senderOf(payload)),
      detail: other,
    }
  }
  const envelope: Envelope = {
    action: actionOf(payload),
    installation: installationOf(payload),
    repository: repositoryOf(payload),
    isPrivate: isPrivateIn(payload),
    sender: senderOf(payload),
  }
  if (envelope[kind.needs] === null) throw new FieldFault(kind.needs)
  return { ...envelope, detail: kind.read(payload, envelope) }
}
