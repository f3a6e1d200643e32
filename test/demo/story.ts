/** The honest way: a pull request that is red until people have signed and the time is over, and is then merged. */
import { dayMs } from '../../src/core/index.ts'
import { administrator, author, type SignerName, signers } from './cast.ts'
import { buttonProblems, checkOf, comment, findingsOf, newestEntry, verdictOf } from './observe.ts'
import { commandsOf, signWithCommands } from './sign.ts'
import { expectEqual, expectMatch, type RunStep } from './steps.ts'
import { sdk, type World } from './world.ts'

const minuteMs = 60_000
const shorten = (line: string): string =>
  line
    .split(' ')
    .map((word) => (word.length > 28 ? `${word.slice(0, 24)}…` : word))
    .join(' ')

/** A pull request of the author with one file. */
export async function openChange(
  world: World,
  change: {
    readonly branch: string
    readonly by: string
    readonly title: string
    readonly files: Record<string, string>
  },
): Promise<number> {
  world.forge.commit(sdk, change.branch, {
    author: change.by,
    message: change.title,
    files: change.files,
    from: 'main',
  })
  const { number } = world.forge.openPullRequest({
    repo: sdk,
    head: change.branch,
    author: change.by,
    title: change.title,
  })
  await world.settled()
  return number
}

/** Plays from the pull request to the landing. */
export async function playStory(step: RunStep, world: World): Promise<void> {
  const number = await step('opened', `${author} opens a pull request, and it is red`, async ({ say, quote, row }) => {
    const opened = await openChange(world, {
      branch: 'explain-install',
      by: author,
      title: 'Explain how to pin a version',
      files: { 'docs/install.md': 'Install it with npm install --save-exact.\n' },
    })
    const { conclusion, title, summary } = checkOf(world, sdk, opened)
    expectEqual('the check of an unsigned change', conclusion, 'action_required')
    say(
      `${sdk}#${opened} "Explain how to pin a version" changes docs/install.md. GitHub shows the check governance/main:`,
    )
    quote(`${title}\n\n${summary}`)
    const problems = buttonProblems(world, sdk, opened, administrator)
    expectMatch('what keeps the merge button grey', problems.join('; '), /governance\/main/)
    say(`merge button, even for the administrator: ${problems.join('; ')}`)
    const { entry } = await verdictOf(world, sdk, opened)
    row({
      tried: 'an honest change, unsigned',
      happened: `red: ${title}`,
      code: 'merge-waits',
      recorded: `log entry ${entry}`,
    })
    return opened
  })
  const change = `${sdk}#${number}`

  await step('signed', 'Three maintainers sign, each with an own encrypted key file', async ({ say, quote, row }) => {
    const [first] = signers
    const { challenge, sign } = commandsOf(world, first, change)
    quote(`$ governance ${challenge.join(' ')} \\\n    | governance ${sign.join(' ')}`)
    const entries: number[] = []
    for (const [at, login] of signers.entries()) {
      const line = await signWithCommands(world, login, change)
      if (at === 0) {
        quote(shorten(line))
        say('that line, pasted as a comment, is the approval. One after the other:')
      }
      const { code, text } = await comment(world, sdk, number, login, line)
      expectEqual(`the refusal of ${login}'s signature`, code, null)
      const { index } = await newestEntry(world, 'statement-admitted')
      entries.push(index)
      expectMatch(`the reply to ${login}`, text, new RegExp(`entry ${index} `))
      say(`${login}: recorded as log entry ${index}. The check: ${checkOf(world, sdk, number).title}`)
    }
    const { conclusion, title } = checkOf(world, sdk, number)
    expectEqual('the check with all signatures and no time', conclusion, 'action_required')
    row({
      tried: 'three maintainers sign with the command line',
      happened: `counted, and still red: ${title}`,
      code: 'review-period-running',
      recorded: `log entries ${entries.join(', ')}`,
    })
  })

  await step('waited', 'The clock moves, and the check turns green', async ({ say, quote, row }) => {
    await world.pass(14 * dayMs - 10 * minuteMs)
    const before = checkOf(world, sdk, number)
    expectEqual('the check ten minutes before the end', before.conclusion, 'action_required')
    say(`ten minutes before 14 days are over: ${before.title}`)
    await world.pass(10 * minuteMs)
    const after = checkOf(world, sdk, number)
    expectEqual('the check after 14 days', after.conclusion, 'success')
    say('14 days are over:')
    quote(`${after.title}\n\n${after.summary}`)
    const { entry } = await verdictOf(world, sdk, number)
    row({
      tried: '14 days of review pass',
      happened: `green: ${after.title}`,
      code: 'merge-allowed',
      recorded: `log entry ${entry}`,
    })
  })

  await step('merged', 'The merge button works, and the landing is matched', async ({ say, row }) => {
    expectEqual('what keeps the merge button grey', buttonProblems(world, sdk, number, signers[0]), [])
    const commit = world.forge.mergePullRequest({ repo: sdk, number }, signers[0], 'squash')
    await world.settled()
    const { index, data } = await newestEntry(world, 'landing-matched')
    expectEqual('the commit that was matched', data['commit'], commit)
    expectEqual('findings', await findingsOf(world, sdk), [])
    say(
      `${signers[0]} merged; commit ${commit.slice(0, 12)} on main is the approved content (entry ${index}), no finding`,
    )
    row({
      tried: 'the green change is merged',
      happened: 'the landing is what was approved',
      code: 'landing-matched',
      recorded: `log entry ${index}`,
    })
  })
}

/** A second change that three maintainers signed and whose time is over, with the comments that carry the signatures. */
export async function greenChange(
  world: World,
): Promise<{ readonly number: number; readonly comments: ReadonlyMap<SignerName, string> }> {
  const number = await openChange(world, {
    branch: 'explain-retries',
    by: author,
    title: 'Explain retries',
    files: { 'docs/retry.md': 'Requests are retried three times.\n' },
  })
  const lines = await Promise.all(
    signers.map(async (login) => [login, await signWithCommands(world, login, `${sdk}#${number}`)] as const),
  )
  for (const [login, line] of lines)
    expectEqual(`the refusal of ${login}`, (await comment(world, sdk, number, login, line)).code, null)
  await world.pass(14 * dayMs)
  expectEqual('the check of the second change', checkOf(world, sdk, number).conclusion, 'success')
  return { number, comments: new Map(lines) }
}
