/** A deployment whose durable writes a test can break, with a change that is one step from green or is green already. */
import type { TestContext } from 'node:test'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { dayMs } from '../../src/core/index.ts'
import type { StorePorts } from '../../src/flows/ports.ts'
import { type Deployment, startDeployment } from '../e2e/deployment.ts'

/** A switch between the server and its disk. */
export interface DiskSwitch {
  /** Whether durable writes fail now, before anything is stored. */
  broken: boolean
}

export async function startBreakable(
  t: Pick<TestContext, 'after'>,
  options: Omit<Parameters<typeof startDeployment>[1] & object, 'store'> = {},
): Promise<{ readonly d: Deployment; readonly disk: DiskSwitch; readonly store: StorePorts }> {
  const disk: DiskSwitch = { broken: false }
  const store = openMemoryStore({
    faults: {
      before() {
        if (disk.broken) throw new Error('the disk refuses')
      },
      after() {},
    },
  })
  const d = await startDeployment(t, { repositories: ['sdk'], ...options, store })
  return { d, disk, store }
}

export interface OpenedChange {
  readonly number: number
  readonly headSha: string
}

/** Opens a change that touches one file of the layer with the shortest review. */
export async function openChange(d: Deployment, branch = 'fix', file = 'docs/guide.md'): Promise<OpenedChange> {
  d.fake.commit('acme/sdk', branch, { author: 'alice', message: 'typo', files: { [file]: `hello ${branch}\n` } })
  const { number, headSha } = d.fake.openPullRequest({
    repo: 'acme/sdk',
    head: branch,
    author: 'alice',
    title: 'Fix a typo',
  })
  await d.settled()
  return { number, headSha }
}

/** Signs with as many persons as the change needs and lets its review period pass. */
export async function turnGreen(d: Deployment, ...changes: readonly OpenedChange[]): Promise<void> {
  for (const { number } of changes)
    for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', number, person)
  await d.pass(14 * dayMs + 1_000)
  for (const { number, headSha } of changes)
    if (d.check('acme/sdk', headSha)?.conclusion !== 'success') throw new Error(`#${number} is not green`)
}

/** Waits until `holds`, in real time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, forMs = 15_000): Promise<void> {
  const end = Date.now() + forMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${forMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
