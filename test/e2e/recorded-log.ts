/** The log of a running server after a day's work, as the files that anybody may read. */
import type { TestContext } from 'node:test'
import { dayMs, formatVerifierKey, noteVerifierKey } from '../../src/core/index.ts'
import { securityOrigin } from '../../src/flows/gate/recorder.ts'
import { memoryLogFiles } from '../fakes/log-files.ts'
import { fileStoredLog, type LogFileMap } from '../fixtures/log-files.ts'
import { type Deployment, origin, startDeployment } from './deployment.ts'

export interface RecordedLog {
  readonly deployment: Deployment
  /** Verifier key line. */
  readonly key: string
  readonly securityKey: string
  /** The files of the decision log as the server's publisher has written them. */
  files(): Promise<LogFileMap>
  /** Those of the security log, which nobody is served. */
  securityFiles(): Promise<LogFileMap>
}

export async function recordLog(t: TestContext): Promise<RecordedLog> {
  const logFiles = memoryLogFiles()
  const d = await startDeployment(t, { repositories: ['sdk'], frozen: true, logFiles })
  const open = (branch: string) => {
    d.fake.commit('acme/sdk', branch, {
      author: 'alice',
      message: branch,
      files: { [`docs/${branch}.md`]: 'hello!\n' },
    })
    return d.fake.openPullRequest({ repo: 'acme/sdk', head: branch, author: 'alice', title: `Change ${branch}` })
  }
  const pull = open('first')
  await d.settled()
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', pull.number, person)
  await d.pass(14 * dayMs + 1_000)
  d.fake.mergePullRequest({ repo: 'acme/sdk', number: pull.number }, 'admin', 'squash')
  await d.settled()
  const keyOf = async (name: string): Promise<string> =>
    formatVerifierKey(noteVerifierKey(name, await d.custody.publicKey('decision-log')))
  return {
    deployment: d,
    key: await keyOf(origin),
    securityKey: await keyOf(securityOrigin(origin)),
    async files() {
      await d.published()
      return new Map(logFiles.files)
    },
    securityFiles: async () => fileStoredLog(securityOrigin(origin), { log: d.store.security, memory: d.store.memory }),
  }
}
