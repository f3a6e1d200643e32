import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  act,
  codesOf,
  commentOf,
  countedOf,
  denying,
  denyingNothing,
  outcomeOf,
  signStatement,
  verdictOf,
} from './signing.ts'
import { approveAll, days, isMergeable, open, sharedDeployment, shown } from './threat-scene.ts'
import { startDeployment } from './deployment.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'spec', 'node'] })
const sdk = 'acme/sdk'

test('T10 an approval of head A is void once B is pushed, and does not come back with time', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  assert.equal((await countedOf(d, sdk, pull.number)).length, 3)
  d.fake.pushToPullRequest(
    { repo: sdk, number: pull.number },
    { author: 'alice', message: 'B', files: { 'docs/guide.md': 'B\n' } },
  )
  await d.settled()
  assert.deepEqual(await countedOf(d, sdk, pull.number), [])
  assert.equal((await codesOf(d, sdk, pull.number)).filter((code) => code === 'wrong-head').length, 3)
  await d.pass(days(15))
  assert.equal(shown(d, sdk, pull.number), 'action_required')
  assert.equal(isMergeable(d, sdk, pull.number), false)
})

test('T11 a commit first shown in a decoy gains nothing when it is pushed onto an approved pull request', async () => {
  const d = await deployment()
  const decoy = await open(d, sdk, { opener: 'mallory', author: 'mallory', files: { 'docs/guide.md': 'evil\n' } })
  await d.pass(days(1))
  const pull = await open(d, sdk, { opener: 'mallory', author: 'mallory', files: { 'docs/guide.md': 'good\n' } })
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 4))
  d.fake.forcePushPullRequest({ repo: sdk, number: pull.number }, decoy.headSha, 'mallory')
  await d.settled()
  assert.deepEqual(await countedOf(d, sdk, pull.number), [])
  await d.pass(days(15))
  assert.equal(isMergeable(d, sdk, pull.number), false)
})

test('T11 approvals of one pull request do not count on a second one with the same head', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  d.fake.createBranch(sdk, `twin-${pull.number}`, pull.headSha, 'mallory')
  const twin = d.fake.openPullRequest({ repo: sdk, head: `twin-${pull.number}`, author: 'mallory', title: 'Twin' })
  await d.settled()
  assert.equal(twin.headSha, pull.headSha)
  assert.equal((await countedOf(d, sdk, pull.number)).length, 3)
  assert.deepEqual(await countedOf(d, sdk, twin.number), [])
})

test('T12 an approval is refused on another number, repository, base, epoch and deployment, each with its own code', async (t) => {
  const d = await deployment()
  const other = await startDeployment(t, { frozen: true, repositories: ['sdk'], origin: 'elsewhere.example.org/log' })
  const [person] = d.of('layer-5')
  assert.ok(person)
  const pull = await open(d, sdk)
  const { comment } = await signStatement(d, sdk, pull.number, person, { decision: 'approve' })

  d.fake.createBranch(sdk, `again-${pull.number}`, pull.headSha, 'mallory')
  const again = d.fake.openPullRequest({ repo: sdk, head: `again-${pull.number}`, author: 'mallory', title: 'Again' })
  await d.settled()
  assert.equal(await outcomeOf(d, sdk, again.number, 'mallory', comment), 'wrong-number')

  const elsewhere = await open(d, 'acme/node')
  assert.equal(await outcomeOf(d, 'acme/node', elsewhere.number, 'mallory', comment), 'wrong-repository')

  const theirs = await open(other, sdk)
  assert.equal(await outcomeOf(other, sdk, theirs.number, 'mallory', comment), 'wrong-audience')

  const fork = d.fake.forkRepository(sdk, 'mallory')
  d.fake.createBranch(fork.fullName, 'head', pull.headSha, 'mallory')
  const forked = d.fake.openPullRequest({ repo: fork.id, head: 'head', author: 'mallory', title: 'Fork' })
  d.fake.comment({ repo: fork.id, number: forked.number }, 'mallory', comment)
  await d.settled()
  assert.deepEqual(
    d.fake.comments({ repo: fork.id, number: forked.number }).filter(({ isApp }) => isApp),
    [],
  )

  d.fake.createBranch(sdk, 'release', d.fake.branch(sdk, 'main'), 'admin')
  d.fake.retargetPullRequest({ repo: sdk, number: pull.number }, 'release', 'alice')
  await d.settled()
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', comment), 'wrong-base')
  d.fake.retargetPullRequest({ repo: sdk, number: pull.number }, 'main', 'alice')
  await d.settled()

  const later = await signStatement(
    d,
    sdk,
    pull.number,
    person,
    { decision: 'approve' },
    { alter: (one) => ({ ...one, predicate: { ...one.predicate, policy: { epoch: 2 } } }) },
  )
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', later.comment), 'wrong-epoch')
  const forged = await signStatement(
    d,
    sdk,
    pull.number,
    person,
    { decision: 'approve' },
    { alter: (one) => ({ ...one, predicate: { ...one.predicate, nonce: '00'.repeat(16) } }) },
  )
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', forged.comment), 'unknown-nonce')
  for (const number of [pull.number, again.number]) assert.deepEqual(await countedOf(d, sdk, number), [])
})

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** The two numbers of a DER signature as 64 bytes, and the other 64 bytes that verify wherever these do. */
function compactForms(der: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const bytes = Buffer.from(der)
  const rLength = bytes[3] ?? 0
  const r = BigInt(`0x${bytes.subarray(4, 4 + rLength).toString('hex')}`)
  const s = BigInt(`0x${bytes.subarray(6 + rLength).toString('hex')}`)
  const compact = (x: bigint, y: bigint) =>
    Buffer.from([x, y].map((n) => n.toString(16).padStart(64, '0')).join(''), 'hex')
  return [compact(r, s), compact(r, order - s)]
}

test('T13 the same signature three times and its malleated copy are one vote', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const [person] = d.of('layer-5')
  assert.ok(person)
  const { payload, signature, comment } = await signStatement(d, sdk, pull.number, person, { decision: 'approve' })
  assert.equal(await outcomeOf(d, sdk, pull.number, person.login, comment), 'ok')
  for (const login of ['mallory', 'alice'])
    assert.equal(await outcomeOf(d, sdk, pull.number, login, comment), 'duplicate-statement')
  for (const form of compactForms(signature))
    assert.equal(
      await outcomeOf(d, sdk, pull.number, 'mallory', commentOf('sign', payload, form)),
      'duplicate-statement',
    )
  assert.deepEqual(await countedOf(d, sdk, pull.number), [person.id])
})

test('T14 malformed and wrong signatures among good ones are refused with a reason, and the good ones count', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const [one, two, three, four] = d.of('layer-5')
  assert.ok(one && two && three && four)
  await approveAll(d, sdk, pull.number, [one])
  const made = await signStatement(d, sdk, pull.number, four, { decision: 'approve' })
  const payload = Buffer.from(made.payload).toString('base64url')
  const flipped = Uint8Array.from(made.signature, (byte, i) => (i === 40 ? byte ^ 1 : byte))
  const bad = (signature: Uint8Array) => commentOf('sign', made.payload, signature)
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', bad(flipped)), 'bad-signature')
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', bad(new Uint8Array(64))), 'bad-signature')
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', bad(made.signature.subarray(1))), 'bad-signature')
  assert.equal(
    await outcomeOf(d, sdk, pull.number, 'mallory', `/governance-sign ${payload} %%%`),
    'malformed-signature',
  )
  // Somebody else's key under this person's name.
  const stolen = await signStatement(
    d,
    sdk,
    pull.number,
    { ...four, secretHex: two.secretHex },
    { decision: 'approve' },
  )
  assert.equal(await outcomeOf(d, sdk, pull.number, two.login, stolen.comment), 'bad-signature')
  await approveAll(d, sdk, pull.number, [two, three])
  assert.deepEqual(await countedOf(d, sdk, pull.number), [one.id, two.id, three.id])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'success')
  d.fake.closePullRequest({ repo: sdk, number: pull.number }, 'alice')
  await d.settled()
})

test('T16 a maintainer of layer 5 does not count in layer 1', async () => {
  const d = await deployment()
  const pull = await open(d, 'acme/spec')
  const [person] = d.of('layer-5')
  assert.ok(person)
  assert.equal(await act(d, 'acme/spec', pull.number, person), 'not-in-set')
  assert.deepEqual(await countedOf(d, 'acme/spec', pull.number), [])
})

test('T17 opener, committer, co-author and whoever an unattributed commit may be do not count without a denial', async () => {
  const d = await deployment()
  const [one, two, three, four, five] = d.of('layer-5')
  assert.ok(one && two && three && four && five)
  const pull = await open(d, sdk, {
    opener: one.login,
    author: two.login,
    committer: three.login,
    message: `change\n\nCo-authored-by: four <${four.login}@example.test>`,
  })
  d.fake.pushToPullRequest(
    { repo: sdk, number: pull.number },
    { author: 'alice', message: 'more', files: { 'docs/more.md': 'more\n' }, by: five.login },
  )
  await d.settled()
  for (const person of [one, two, three, four, five])
    assert.equal(await act(d, sdk, pull.number, person, { decision: 'approve' }, denyingNothing), 'ok')
  assert.deepEqual(await countedOf(d, sdk, pull.number), [])
  assert.equal((await codesOf(d, sdk, pull.number)).filter((code) => code === 'author-of-change').length, 5)

  const ghost = await open(d, sdk, { author: { name: 'ghost', email: 'ghost@nowhere.test' } })
  assert.equal(await act(d, sdk, ghost.number, one, { decision: 'approve' }, denyingNothing), 'ok')
  assert.deepEqual(await countedOf(d, sdk, ghost.number), [])
  assert.ok((await codesOf(d, sdk, ghost.number)).includes('unattributed-commit-not-denied'))
  assert.equal(await act(d, sdk, ghost.number, two), 'ok')
  assert.deepEqual(await countedOf(d, sdk, ghost.number), [two.id])
})

test('T17 whoever pushed a head before somebody else opened the pull request is an author of it', async () => {
  const d = await deployment()
  const [one, two] = d.of('layer-5')
  assert.ok(one && two)
  const pull = await open(d, sdk, { opener: 'mallory', author: 'alice', by: one.login })
  await approveAll(d, sdk, pull.number, [one, two])
  assert.deepEqual(await countedOf(d, sdk, pull.number), [two.id])
})

test('T39 forged author and co-author lines knock nobody out who denies them; opener, pusher and signer cannot deny', async () => {
  const d = await deployment()
  const [one, two, three, four, five] = d.of('layer-5')
  assert.ok(one && two && three && four && five)
  const pull = await open(d, sdk, {
    opener: 'mallory',
    author: one.login,
    committer: two.login,
    message: `change\n\nCo-authored-by: three <${three.login}@example.test>`,
  })
  await approveAll(d, sdk, pull.number, [one, two, three])
  assert.deepEqual(await countedOf(d, sdk, pull.number), [one.id, two.id, three.id])
  const shownDenial = (await verdictOf(d, sdk, pull.number)).reason
  assert.match(JSON.stringify(shownDenial), new RegExp(pull.headSha), 'the denial is shown')
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'success')

  const own = await open(d, sdk, { opener: one.login, author: two.login, signed: true })
  const at = { repo: sdk, number: own.number }
  const head = d.fake.pushToPullRequest(at, {
    author: 'alice',
    message: 'more',
    files: { 'docs/more.md': 'more\n' },
    by: three.login,
  })
  await d.settled()
  for (const person of [one, two, three, four])
    assert.equal(await act(d, sdk, own.number, person, { decision: 'approve' }, denying(own.headSha, head)), 'ok')
  assert.deepEqual(await countedOf(d, sdk, own.number), [four.id])
})

test('T18 whoever takes the name of a renamed maintainer is nobody; the renamed one still counts, and is still an author', async () => {
  const d = await deployment()
  const [, , , , renamed] = d.of('layer-5')
  assert.ok(renamed)
  const pull = await open(d, sdk)
  d.fake.renameUser(renamed.login, 'formerly')
  const thief = d.fake.createUser(renamed.login)
  const [mallory] = d.of('emergency')
  assert.ok(mallory && thief.id !== renamed.id)
  const asThief = { ...mallory, login: renamed.login, id: thief.id }
  assert.equal(await act(d, sdk, pull.number, asThief), 'key-unknown')
  const asRenamed = { ...mallory, login: renamed.login, id: renamed.id }
  assert.equal(await act(d, sdk, pull.number, asRenamed), 'key-unknown')
  assert.equal(await act(d, sdk, pull.number, { ...renamed, login: 'formerly' }), 'ok')
  assert.deepEqual(await countedOf(d, sdk, pull.number), [renamed.id])
  // Somebody else pushed: only the number of the opener tells that the renamed one is an author.
  const own = await open(d, sdk, { opener: 'formerly', by: 'alice' })
  assert.equal(await act(d, sdk, own.number, { ...renamed, login: 'formerly' }), 'ok')
  assert.deepEqual(await countedOf(d, sdk, own.number), [])
})

test('T19 a withdrawn approval does not count, and a success that stood on it is withdrawn', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const persons = d.of('layer-5').slice(0, 3)
  await approveAll(d, sdk, pull.number, persons)
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'success')
  assert.ok(persons[0] && isMergeable(d, sdk, pull.number))
  assert.equal(await act(d, sdk, pull.number, persons[0], { decision: 'withdraw' }), 'ok')
  assert.equal(shown(d, sdk, pull.number), 'action_required')
  assert.equal(isMergeable(d, sdk, pull.number), false)
  assert.equal((await countedOf(d, sdk, pull.number)).length, 2)
})

test('T19 a veto blocks through push, retarget and reopening, until its signer withdraws it', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const at = { repo: sdk, number: pull.number }
  const [one, two, three, four] = d.of('layer-5')
  assert.ok(one && two && three && four)
  const veto = { decision: 'veto', reason: 'This breaks the promise of the guide.' } as const
  assert.equal(await act(d, sdk, pull.number, four, veto), 'ok')
  assert.equal(shown(d, sdk, pull.number), 'failure')
  d.fake.pushToPullRequest(at, { author: 'alice', message: 'B', files: { 'docs/guide.md': 'other\n' } })
  await d.settled()
  assert.equal(shown(d, sdk, pull.number), 'failure')
  d.fake.createBranch(sdk, 'next', d.fake.branch(sdk, 'main'), 'admin')
  d.fake.retargetPullRequest(at, 'next', 'alice')
  await d.settled()
  assert.equal(shown(d, sdk, pull.number), 'failure')
  d.fake.retargetPullRequest(at, 'main', 'alice')
  d.fake.closePullRequest(at, 'alice')
  await d.settled()
  d.fake.reopenPullRequest(at, 'alice')
  await d.settled()
  await approveAll(d, sdk, pull.number, [one, two, three])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'failure')
  assert.ok((await codesOf(d, sdk, pull.number)).includes('vetoed'))
  // Somebody else cannot withdraw it, and approving later is no withdrawal.
  assert.equal(await act(d, sdk, pull.number, four), 'ok')
  assert.equal(shown(d, sdk, pull.number), 'failure')
  assert.equal(await act(d, sdk, pull.number, four, { decision: 'withdraw' }), 'ok')
  assert.equal(shown(d, sdk, pull.number), 'success')
})

test('T31 emergency statements, however many keyholders sign, are refused as not supported', async () => {
  const d = await deployment()
  const pull = await open(d, sdk, { title: '[EMERGENCY] now' })
  for (const person of d.of('emergency').slice(0, 5)) {
    const rewrite = (text: string) => text.replace('"action":"pull-request"', '"action":"emergency"')
    const { comment } = await signStatement(d, sdk, pull.number, person, { decision: 'approve' }, { rewrite })
    const outcome = await outcomeOf(d, sdk, pull.number, person.login, comment)
    assert.ok(outcome === 'not-supported' || outcome === 'wrong-action', String(outcome))
  }
  assert.equal((await verdictOf(d, sdk, pull.number)).requirement?.reviewDays, 14)
})
