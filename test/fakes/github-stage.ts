/** The stand-in with one repository, one App and the real adapter before it, for tests that need all three. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { createGitHub, type GitHub } from '../../src/adapters/github/github.ts'
import type { RequestNote } from '../../src/adapters/github/call.ts'
import type { GitHubOptions } from '../../src/adapters/github/client.ts'
import type { Instant, RepositoryId } from '../../src/core/index.ts'
import type { ForgeRepository } from '../../src/flows/ports.ts'
import { createFakeGitHub, type FakeGitHub, type FakeGitHubOptions } from './github/fake-github.ts'
import type { Files } from './github/repositories.ts'

const pkcs1 = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey

export const appKeyPem: string = pkcs1

export interface Stage {
  readonly fake: FakeGitHub
  readonly github: GitHub
  readonly repository: ForgeRepository
  readonly appId: number
  /** Another adapter on the same stand-in. */
  readonly connect: (options?: Partial<GitHubOptions>) => GitHub
  /** Requests since the last call, without the making of tokens. */
  readonly counted: () => readonly RequestNote[]
  readonly clock: { at: number }
}

/** Starts a stage that ends with the test. Pauses of the adapter are fifty times shorter than it asks for. */
export async function startStage(
  t: TestContext,
  options: {
    readonly files?: Files
    readonly settings?: FakeGitHubOptions['settings']
    readonly private?: boolean
  } = {},
): Promise<Stage> {
  const clock = { at: Date.UTC(2026, 5, 1) }
  const fake = createFakeGitHub({
    clock: { now: () => clock.at },
    settings: { mergeableReads: 0, ...options.settings },
  })
  const url = await fake.listen()
  t.after(() => fake.close())
  for (const login of ['acme', 'alice', 'bob', 'carol']) fake.createUser(login)
  const { id, fullName } = fake.createRepository('acme', 'node', {
    files: options.files ?? { 'README.md': 'hello\n', 'src/a.ts': 'a\n', 'src/deep/b.ts': 'b\n' },
    private: options.private ?? false,
  })
  const app = fake.installApp({
    appId: 4242,
    privateKeyPem: appKeyPem,
    webhookSecret: randomBytes(32).toString('hex'),
    webhookUrl: 'http://127.0.0.1:9/none',
    account: 'acme',
  })
  fake.setWebhook(app.appId, { url: null })
  let notes: RequestNote[] = []
  const connect = (more: Partial<GitHubOptions> = {}) =>
    createGitHub({
      apiUrl: url,
      appId: app.appId,
      privateKey: () => Promise.resolve(appKeyPem),
      clock: { now: () => clock.at as Instant },
      timers: {
        after(ms, run) {
          const timer = setTimeout(run, ms / 50)
          return () => clearTimeout(timer)
        },
      },
      random: { bytes: (count) => randomBytes(count) },
      onRequest: (note) => void notes.push(note),
      timeoutMs: 50 * 10_000,
      ...more,
    })
  return {
    fake,
    github: connect(),
    repository: { id: id as RepositoryId, name: fullName, installation: app.installationId },
    appId: app.appId,
    connect,
    counted() {
      const since = notes.filter((note) => note.kind !== 'token')
      notes = []
      return since
    },
    clock,
  }
}
