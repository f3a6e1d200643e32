/** A stand-in with one App, one governed repository and a webhook receiver: what most tests start from. */
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { movableClock, type MovableClock } from './control-http.ts'
import { createFakeGitHub, type FakeGitHub } from './fake-github.ts'
import type { Files } from './repositories.ts'
import type { Json, Permissions, Settings } from './world.ts'

/** A webhook as the receiver got it. */
export type ReceivedHook = {
  event: string
  action: string | null
  guid: string
  headers: Record<string, string>
  raw: string
  payload: Json
  isSigned: boolean
}

/** What comes back from the API. */
export type ApiReply = { status: number; headers: Headers; json: unknown }

/** The parts of a scene. */
export type Scene = {
  github: FakeGitHub
  clock: MovableClock
  appId: number
  installationId: number
  privateKeyPem: string
  webhookSecret: string
  repositoryId: number
  hooks: ReceivedHook[]
  /** The status that the receiver answers; 0 cuts the connection. */
  answerWith: (status: number) => void
  jwt: (changes?: Json) => string
  /** A fresh installation token. */
  token: (body?: Json) => Promise<string>
  call: (
    method: string,
    path: string,
    options?: { auth?: string; body?: unknown; headers?: Record<string, string>; redirect?: 'follow' | 'manual' },
  ) => Promise<ApiReply>
  close: () => Promise<void>
}

const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs1', format: 'pem' })
  .toString()

/** Starts a scene: `acme/node` with files on `main`, users alice (administrator), bob, carol and mallory (nobody). */
export async function startScene(
  options: { settings?: Partial<Settings>; files?: Files; permissions?: Permissions; private?: boolean } = {},
): Promise<Scene> {
  const clock = movableClock(() => Date.UTC(2026, 0, 5, 12))
  const github = createFakeGitHub({ clock, ...(options.settings === undefined ? {} : { settings: options.settings }) })
  const url = await github.listen()
  const hooks: ReceivedHook[] = []
  const webhookSecret = 'a webhook secret of more than thirty-two bytes'
  let answer = 202
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks).toString()
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const payload = JSON.parse(raw) as Json
    const wanted = `sha256=${createHmac('sha256', webhookSecret).update(raw).digest('hex')}`
    hooks.push({
      event: headers['x-github-event'] ?? '',
      action: typeof payload.action === 'string' ? payload.action : null,
      guid: headers['x-github-delivery'] ?? '',
      headers,
      raw,
      payload,
      isSigned: headers['x-hub-signature-256'] === wanted,
    })
    if (answer === 0) request.socket.destroy()
    else response.writeHead(answer).end('{"ok":true}')
  }
  const receiver = createServer((request, response) => void receive(request, response))
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks/github`

  for (const login of ['alice', 'bob', 'carol', 'mallory']) github.createUser(login)
  github.createUser('acme', { type: 'Organization' })
  const files = options.files ?? { 'README.md': '# node\n', 'src/main.txt': 'one\ntwo\nthree\nfour\nfive\n' }
  const repository = github.createRepository('acme', 'node', {
    files,
    author: 'alice',
    private: options.private ?? false,
  })
  github.addCollaborator('acme/node', 'alice', 'admin')
  github.addCollaborator('acme/node', 'bob', 'write')
  const { appId, installationId } = github.installApp({
    appId: 4242,
    privateKeyPem: key,
    webhookSecret,
    webhookUrl,
    account: 'acme',
    repositories: ['acme/node'],
    ...(options.permissions === undefined ? {} : { permissions: options.permissions }),
  })
  await github.settled()

  const jwt = (changes: Json = {}) => {
    const now = Math.floor(clock.now() / 1000)
    const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 30, exp: now + 540, iss: String(appId), ...changes })}`
    return `${text}.${createSign('sha256').update(text).sign(key).toString('base64url')}`
  }
  const call: Scene['call'] = async (method, path, { auth, body, headers, redirect } = {}) => {
    const response = await fetch(path.startsWith('http') ? path : url + path, {
      method,
      redirect: redirect ?? 'follow',
      headers: {
        'user-agent': 'scene',
        ...(auth === undefined ? {} : { authorization: `Bearer ${auth}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').startsWith('application/json')
    return { status: response.status, headers: response.headers, json: isJson && text !== '' ? JSON.parse(text) : text }
  }
  return {
    github,
    clock,
    appId,
    installationId,
    privateKeyPem: key,
    webhookSecret,
    repositoryId: repository.id,
    hooks,
    answerWith: (status) => {
      answer = status
    },
    jwt,
    token: async (body = {}) => {
      const reply = await call('POST', `/app/installations/${installationId}/access_tokens`, { auth: jwt(), body })
      return (reply.json as { token: string }).token
    },
    call,
    close: async () => {
      await github.close()
      receiver.closeAllConnections()
      await new Promise((resolve) => receiver.close(resolve))
    },
  }
}
