/** What an administrator of the governance repository tries: new keys without the quorum that could approve them. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from 'node:crypto'
import { dayMs } from '../../src/core/index.ts'
import { administrator, attacker, author } from './cast.ts'
import { buttonProblems, checkOf, codesOf, comment, findingsOf, verdictOf } from './observe.ts'
import { askChallenge, signHere } from './sign.ts'
import { expectEqual, expectMatch, expectThere, type RunStep } from './steps.ts'
import { governance, sdk, type World } from './world.ts'

const rationale =
  'The README misspells a word. This change repairs it and touches nothing that decides who may approve what, or when.'
const registry = 'config/maintainers/layer-5.yml'

/** The lines of a summary that say what refuses the change. */
const decisive = (summary: string): string =>
  summary
    .split('\n')
    .filter((line) => line.includes('✗'))
    .join('\n')

/** A change of layer 0 with its whole quorum, its rationale and its time. */
async function approvedTypo(world: World): Promise<number> {
  const { forge, people } = world
  forge.commit(governance, 'typo', {
    author,
    message: 'Repair a typo',
    files: { 'README.md': '# Governance\n\nWho may approve what, and how long it takes.\n' },
    from: 'main',
  })
  const { number } = forge.openPullRequest({ repo: governance, head: 'typo', author, title: 'Repair a typo' })
  await world.settled()
  const change = { name: governance, number }
  const maintainers = people.filter(({ set }) => set === 'layer-1-2').slice(0, 5)
  const keyholders = people.filter(({ set }) => set === 'emergency').slice(0, 2)
  const paste = async (login: string, line: string): Promise<void> =>
    expectEqual(`the refusal of ${login}`, (await comment(world, governance, number, login, line)).code, null)
  const [spokesman] = maintainers
  if (spokesman !== undefined) {
    const wish = { decision: 'attest', condition: 'rationale', text: rationale }
    await paste(spokesman.login, await signHere(world, change, spokesman, 'attest', wish))
  }
  for (const person of [...maintainers, ...keyholders]) await paste(person.login, await signHere(world, change, person))
  await world.pass(90 * dayMs)
  return number
}

/** Plays the laundering of keys through an approved typo. */
export async function playLaundering(step: RunStep, world: World): Promise<void> {
  const { forge } = world
  const typo = await step(
    'layer-0',
    'Before the last attack: an honest change of the policy repository',
    async ({ say, row }) => {
      const number = await approvedTypo(world)
      const { conclusion, title } = checkOf(world, governance, number)
      expectEqual('the check of the approved typo', conclusion, 'success')
      say(`${governance}#${number}: 5 maintainers and 2 keyholders signed, a rationale, 90 days: ${title}`)
      const { entry } = await verdictOf(world, governance, number)
      row({
        tried: 'a typo in the governance repository',
        happened: 'green after 5 + 2 signatures, a rationale and 90 days',
        code: 'merge-allowed',
        recorded: `log entry ${entry}`,
      })
      return number
    },
  )

  await step('policy-laundering', 'Attack: policy laundering', async ({ say, quote, row }) => {
    const epoch = async (): Promise<unknown> => (await world.store.registry.policyInForce())?.epoch
    const before = await epoch()
    const text = expectThere(registry, forge.file(governance, 'main', registry)).text
    const ownKey = Buffer.from(secp256k1.getPublicKey(new Uint8Array(randomBytes(32)))).toString('hex')
    const bob = expectThere(
      'bob',
      world.people.find(({ login }) => login === 'bob'),
    )
    const files = { [registry]: text.replace('github: bob', `github: ${attacker}`).replace(bob.publicHex, ownKey) }
    const pushed = forge.commit(governance, 'main', {
      author: administrator,
      by: administrator,
      message: 'Update',
      files,
      bypass: true,
    })
    await world.settled()
    const finding = expectThere('a finding about the push', (await findingsOf(world, governance))[0])
    expectEqual('the finding', [finding.code, finding.data['commit']], ['unmatched-landing', pushed])
    expectEqual('the epoch of the policy in force', await epoch(), before)
    say(
      `${administrator} pushes ${attacker}'s key over bob's, past the ruleset: a finding, and no effect on who may sign`,
    )
    row({
      tried: 'an administrator pushes keys to the governance branch',
      happened: 'no effect; an alarm',
      code: finding.code,
      recorded: `finding, log entry ${finding.entry}`,
    })

    const { conclusion, title, summary } = checkOf(world, governance, typo)
    expectEqual('the check of the typo on top of the push', conclusion, 'failure')
    const { verdict, entry } = await verdictOf(world, governance, typo)
    expectEqual('whether the reason names the branch', codesOf(verdict).includes('base-not-in-force'), true)
    expectMatch(
      'what keeps the merge button grey',
      buttonProblems(world, governance, typo, administrator).join('; '),
      /governance\/main/,
    )
    say(`and the approved typo, which would carry the keys along, lost its green:`)
    quote(`${title}\n\n${decisive(summary)}`)
    row({
      tried: 'the approved typo, merged on top',
      happened: 'red: only what restores the files may pass',
      code: 'base-not-in-force',
      recorded: `log entry ${entry}`,
    })

    const merged = forge.mergePullRequest({ repo: governance, number: typo }, administrator, 'merge', { bypass: true })
    await world.settled()
    const raised = (await findingsOf(world, governance)).filter(({ id }) => id !== finding.id)
    const codes = raised.map(({ code }) => code).sort()
    expectEqual('the findings about the merge', codes, ['merged-without-pass', 'unmatched-landing'])
    const landing = expectThere(
      'the finding of the landing',
      raised.find(({ code }) => code === 'unmatched-landing'),
    )
    expectEqual('the commit of that finding', landing.data['commit'], merged)
    expectEqual('the epoch of the policy in force', await epoch(), before)
    say(`${administrator} merges it by force: two more findings, and the policy in force is still the first one`)
    row({
      tried: 'the same, merged by force',
      happened: `two alarms; the policy stays epoch ${String(before)}`,
      code: codes.join(', '),
      recorded: `findings, log entries ${raised
        .map(({ entry }) => entry)
        .sort((a, b) => a - b)
        .join(', ')}`,
    })

    const { number } = forge.openPullRequest({ repo: sdk, head: 'decoy', author, title: 'Whatever' })
    await world.settled()
    const open = { name: sdk, number }
    const refused = await askChallenge(world, open, attacker)
    expectEqual(`the answer to ${attacker}`, [refused.status, refused.code], [404, 'not-found'])
    expectEqual('the answer to bob', (await askChallenge(world, open, 'bob')).status, 200)
    say(`${attacker} asks for something to sign: 404. bob, whose key was pushed over, still gets his challenge`)
    row({
      tried: `${attacker} asks for a challenge with the pushed key`,
      happened: 'there is nothing for a stranger to sign',
      code: 'not-found',
      recorded: 'nothing: it writes nothing',
    })
  })
}
