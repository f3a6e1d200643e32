/** Every type of the catalogue that a command of the operator causes; those that the gate causes are in `test/e2e`. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { SecurityEvent } from '../../src/flows/audit/security-event.ts'
import { type Desk, setDesk } from '../e2e/cli-deployment.ts'
import { insistOn } from '../e2e/security-events/insist.ts'
import { producers } from '../e2e/security-events/producers.ts'

const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends.reverse()) await end()
})
let shared: Promise<Desk> | null = null
const theDesk = (): Promise<Desk> => {
  shared ??= setDesk({ after: (end: () => unknown) => void ends.push(end) } as Parameters<typeof setDesk>[0])
  return shared
}

async function listed(desk: Desk): Promise<readonly (SecurityEvent & { readonly index: number })[]> {
  const { code, stdout, stderr } = await desk.cli('audit', 'list', '--json', '--limit', '1000', '--config', desk.config)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as (SecurityEvent & { readonly index: number })[]
}

let isMade = false
for (const [type, producer] of Object.entries(producers)) {
  if (producer.stage !== 'desk') continue
  test(`${type} is an entry of the security log when the command ran`, async () => {
    const desk = await theDesk()
    // The first three are of one command.
    const isInit = ['key-created', 'maintainer-key-added', 'policy-in-force'].includes(type)
    const before = isInit ? -1 : ((await listed(desk))[0]?.index ?? -1)
    if (!isInit || !isMade) await producer.cause(desk)
    isMade = true
    const events = (await listed(desk)).filter(({ index }) => type === 'db-migrated' || index > before)
    insistOn(
      type,
      events.map(({ eventType, userId, resource, action, result, details }) => ({
        eventType,
        userId,
        resource,
        action,
        result,
        details,
      })),
    )
    assert.ok(events.every(({ userId }) => userId !== null))
  })
}
