/** The log of a running server after a day's work, as the files that anybody may read. */
import type { TestContext } from 'node:test'
import { dayMs, formatVerifierKey, noteVerifierKey } from '../../src/core/index.ts'
import { fileStoredLog, type LogFileMap } from '../fixtures/log-files.ts'
import { type Deployment, origin, startDeployment } from './deployment.ts'

export interface RecordedLog {
  readonly deployment: Deployment
  /** Verifier key line. */
  readonly key: string
  /** The files as they stand now. */
  files(): Promise<LogFileMap>
  /** One more change that is judged. */
  work(branch: string): Promise<void>
}

export async function recordLog(t: TestContext): Promise<RecordedLog> {
  const d = await startDeployment(t, { repositories: ['sdk'], frozen: true })
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
  const key = noteVerifierKey(origin, await d.custody.publicKey('decision-log'))
  return {
    deployment: d,
    key: formatVerifierKey(key),
    files: async () => fileStoredLog(origin, d.store),
    async work(branch) {
      open(branch)
      await d.settled()
    },
  }
}
