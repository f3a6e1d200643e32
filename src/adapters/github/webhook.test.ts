import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { AppError } from '../../flows/app-error.ts'
import { createWebhooks } from './webhook.ts'
import { assertUsableSecret, secretFault } from './webhook-secret.ts'

type Payload = Record<string, unknown>
type Example = { readonly name: string; readonly examples: readonly Payload[] }

const folder = new URL('../../../node_modules/@octokit/webhooks-examples/', import.meta.url)
const editions = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35']
const examplesOf = (edition: string): readonly Example[] =>
  JSON.parse(readFileSync(new URL(`${edition}/index.json`, folder), 'utf8')) as Example[]

const secret = randomBytes(32)
const older = randomBytes(32)
const webhooks = createWebhooks({ secrets: [secret, older] })
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const sign = (body: Uint8Array, key: Uint8Array, kind = 'sha256'): string =>
  `${kind}=${createHmac(kind, key).update(body).digest('hex')}`
const decode = (event: string, body: unknown) => webhooks.decode({ guid: 'a0-b1', event }, bytes(body))
const example = (name: string, which: (payload: Payload) => boolean = () => true): Payload => {
  const found = examplesOf('api.github.com')
    .find((one) => one.name === name)
    ?.examples.find(which)
  assert.ok(found, `an official example of ${name}`)
  return structuredClone(found)
}

test('T01 a webhook counts only with an HMAC-SHA-256 of a current secret over its very bytes', () => {
  const body = bytes(example('push'))
  assert.deepEqual(webhooks.authenticate(sign(body, secret), body), { ok: true })
  assert.deepEqual(webhooks.authenticate(sign(body, older), body), { ok: true })
  const refused = (header: string | undefined, over = body) => {
    const answer = webhooks.authenticate(header, over)
    return answer.ok ? 'accepted' : answer.code
  }
  assert.equal(refused(undefined), 'signature-missing')
  assert.equal(refused(''), 'signature-missing')
  assert.equal(refused(sign(body, secret, 'sha1')), 'signature-malformed')
  const good = sign(body, secret)
  for (const header of [good.slice(7), `${good}0`, good.slice(0, -1), ` ${good}`, `${good} `, `${good}, ${good}`]) {
    assert.equal(refused(header), 'signature-malformed', header)
  }
  assert.equal(refused(good.replace('sha256', 'SHA256')), 'signature-malformed')
  assert.equal(refused(sign(body, randomBytes(32))), 'signature-wrong')
  for (const at of [0, body.length >> 1, body.length - 1]) {
    const changed = Uint8Array.from(body)
    changed[at] = (changed[at] as number) ^ 1
    assert.equal(refused(good, changed), 'signature-wrong')
  }
})

test('T02 no, short, default, example and repetitive secrets are refused with their reason', () => {
  const reason = (text: string | Uint8Array) => secretFault(typeof text === 'string' ? Buffer.from(text) : text)
  assert.equal(reason(''), 'secret-missing')
  assert.equal(reason('development'), 'secret-too-short')
  assert.equal(reason("It's a Secret to Everybody"), 'secret-too-short')
  assert.equal(reason(randomBytes(31)), 'secret-too-short')
  assert.equal(reason("It's a Secret to Everybody It's a Secret to Everybody"), 'secret-well-known')
  assert.equal(reason('development-development-development'), 'secret-well-known')
  assert.equal(reason('your-webhook-secret-please-change-me-0123456789'), 'secret-well-known')
  assert.equal(reason(new Uint8Array(64)), 'secret-repetitive')
  assert.equal(reason(Buffer.from('e81b92cfae37'.repeat(4))), 'secret-repetitive')
  assert.equal(reason(Uint8Array.from({ length: 48 }, (_, at) => at)), 'secret-repetitive')
  for (let round = 0; round < 500; round++) {
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      assert.equal(reason(Buffer.from(randomBytes(32).toString(encoding), 'latin1')), null)
    }
  }
  const code = (run: () => unknown) => {
    try {
      run()
      return 'accepted'
    } catch (error) {
      return error instanceof AppError ? `${error.code} ${String(error.data.reason)}` : String(error)
    }
  }
  assert.equal(
    code(() => createWebhooks({ secrets: [] })),
    'config-invalid secret-missing',
  )
  assert.equal(
    code(() => createWebhooks({ secrets: [secret, new Uint8Array(32)] })),
    'config-invalid secret-repetitive',
  )
  assert.equal(
    code(() => assertUsableSecret(Buffer.from('development'))),
    'config-invalid secret-too-short',
  )
  assert.equal(
    code(() => assertUsableSecret(secret)),
    'accepted',
  )
})

test('every official example decodes, known events to their own detail', () => {
  const kinds: Record<string, string> = {
    pull_request: 'change',
    issue_comment: 'comment',
    check_run: 'checks',
    check_suite: 'checks',
    status: 'checks',
    push: 'push',
    merge_group: 'merge-group',
    installation: 'installation',
    installation_repositories: 'installation',
    repository: 'repository',
  }
  let count = 0
  for (const edition of editions) {
    for (const { name, examples } of examplesOf(edition)) {
      for (const payload of examples) {
        const decoded = decode(name, payload)
        assert.ok(decoded.ok, `${edition} ${name}: ${decoded.ok ? '' : decoded.code}`)
        assert.equal(decoded.event.detail.kind, kinds[name] ?? 'other', `${edition} ${name}`)
        count++
      }
    }
  }
  assert.ok(count >= 500, `${count} examples`)
})

test('details hold the ids that the gate works with', () => {
  const detail = (event: string, payload: Payload) => {
    const decoded = decode(event, payload)
    assert.ok(decoded.ok)
    return decoded.event
  }
  const synchronize = detail(
    'pull_request',
    example('pull_request', (one) => one.action === 'synchronize'),
  )
  assert.deepEqual(synchronize.detail, {
    kind: 'change',
    number: 2,
    head: 'ec26c3e57ca3a959ca5aad62de7213c562f8c821',
    baseRef: 'master',
    merged: false,
    pusher: 21031067,
  })
  assert.deepEqual(synchronize.sender, { id: 21031067, login: 'Codertocat', isBot: false })
  const onChange = example('issue_comment', (one) => one.action === 'created')
  const issue = onChange.issue as Payload
  assert.equal((detail('issue_comment', onChange).detail as { onChange?: boolean }).onChange, false)
  issue.pull_request = { url: 'https://api.github.com/repos/a/b/pulls/1' }
  assert.equal((detail('issue_comment', onChange).detail as { onChange?: boolean }).onChange, true)
  const edited = example('pull_request', (one) => one.action === 'opened')
  edited.action = 'edited'
  assert.deepEqual((detail('pull_request', edited).detail as { pusher?: number | null }).pusher, null)
  const group = detail('merge_group', example('merge_group')).detail
  assert.deepEqual(group, { kind: 'merge-group', head: '2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d', baseRef: 'main' })
  const renamed = detail(
    'repository',
    example('repository', (one) => one.action === 'renamed'),
  )
  assert.deepEqual(renamed.detail, {
    kind: 'repository',
    previousName: `${renamed.repository?.name.split('/')[0]}/Hello-World`,
  })
  const gone = example('issue_comment')
  ;(gone.comment as Payload).user = null
  assert.deepEqual(detail('issue_comment', gone).detail, { kind: 'other' })
})

test('T05 ping, installation, unknown events and events without repository are harmless', () => {
  for (const [event, payload] of [
    ['ping', { zen: 'x', hook_id: 1 }],
    ['ping', {}],
    ['installation', { action: 'suspend', installation: { id: 7 }, sender: null }],
    ['meta', { repository: 'nonsense', action: 5, sender: [] }],
    ['something_new', { deeply: [{ strange: true }] }],
  ] as const) {
    const decoded = decode(event, payload)
    assert.ok(decoded.ok, event)
    assert.ok(['other', 'installation'].includes(decoded.event.detail.kind))
    assert.equal(decoded.event.repository, null)
  }
})

test('T04 a payload that two readers could read differently, or too deep, is refused', () => {
  const code = (body: unknown) => {
    const decoded = decode('ping', body)
    return decoded.ok ? 'accepted' : decoded.code
  }
  assert.equal(code('{"a":1,"a":2}'), 'payload-invalid:json-duplicate-key')
  assert.equal(code('{"__proto__":{"x":1}}'), 'payload-invalid:json-forbidden-key')
  assert.equal(code(`${'['.repeat(65)}${']'.repeat(65)}`), 'payload-invalid:json-too-deep')
  assert.equal(code('{"a":1'), 'payload-invalid:json-invalid-syntax')
  assert.equal(code('[]'), 'payload-invalid:json-not-an-object')
  assert.equal(code('\ufeff{}'), 'payload-invalid:json-invalid-syntax')
  const torn = webhooks.decode({ guid: 'a', event: 'ping' }, Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))
  assert.deepEqual(torn, { ok: false, code: 'payload-invalid:json-invalid-utf8' })
  assert.deepEqual(webhooks.decode({ guid: 'a b', event: 'ping' }, bytes({})), { ok: false, code: 'header-guid' })
  assert.deepEqual(webhooks.decode({ guid: 'a', event: 'Ping' }, bytes({})), { ok: false, code: 'header-event' })
})

test('a field that is not what its event promises is named', () => {
  const broken = (event: string, breakIt: (payload: Payload) => void): string => {
    const payload = example(event)
    breakIt(payload)
    const decoded = decode(event, payload)
    return decoded.ok ? 'accepted' : decoded.code
  }
  const at = (payload: Payload, ...path: string[]): Payload =>
    path.reduce((value, key) => value[key] as Payload, payload)
  const set =
    (value: unknown, ...path: string[]) =>
    (payload: Payload) => {
      at(payload, ...path.slice(0, -1))[path.at(-1) as string] = value
    }
  const cases: readonly [string, unknown, readonly string[]][] = [
    ['pull_request', undefined, ['repository']],
    ['pull_request', 'evil', ['repository']],
    ['pull_request', 1.5, ['repository', 'id']],
    ['pull_request', '5', ['repository', 'id']],
    ['pull_request', 'a/b/c', ['repository', 'full_name']],
    ['pull_request', -1, ['pull_request', 'number']],
    ['pull_request', 2 ** 60, ['pull_request', 'number']],
    ['pull_request', 'G'.repeat(40), ['pull_request', 'head', 'sha']],
    ['pull_request', 'a'.repeat(41), ['pull_request', 'head', 'sha']],
    ['pull_request', 'a'.repeat(2000), ['pull_request', 'base', 'ref']],
    ['pull_request', 'a\nb', ['pull_request', 'base', 'ref']],
    ['pull_request', 'yes', ['pull_request', 'merged']],
    ['pull_request', 'Opened!', ['action']],
    ['issue_comment', 'x'.repeat(200_000), ['comment', 'body']],
    ['issue_comment', 0, ['comment', 'id']],
    ['issue_comment', 0, ['comment', 'user', 'id']],
    ['check_run', null, ['check_run', 'head_sha']],
    ['status', 7, ['context']],
    ['push', 'no', ['forced']],
    ['push', '', ['ref']],
    ['merge_group', 'x', ['merge_group', 'head_sha']],
    ['installation_repositories', undefined, ['installation']],
  ]
  for (const [event, value, path] of cases) {
    assert.equal(broken(event, set(value, ...path)), `payload-invalid:${path.join('.')}`)
  }
})
