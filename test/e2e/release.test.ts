import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8, noteVerifierKey, openIssued, sumsText } from '../../src/core/index.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { type Deployment, origin, startDeployment } from './deployment.ts'
import {
  artifact,
  landed,
  namesIn,
  releaseChallengeUrl,
  sayOnRelease,
  sdk,
  signAt,
  signedAnswer,
} from './release-scene.ts'
import { act, commentOf, countedOf, outcomeOf, replyTo, say, signStatement } from './signing.ts'
import { entriesOf, open, sharedDeployment } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })
const files = [artifact('sdk-1.0.0.tgz', 'one'), artifact('sdk-1.0.0.zip', 'two')]

let tags = 0
/** A landed revision and what is to be released of it, under a tag of its own. */
async function scene(own?: Deployment) {
  const d = own ?? (await deployment())
  const { revision, number } = await landed(d)
  const tag = `v1.${++tags}.0`
  const wanted = { tag, revision, artifacts: files }
  const [first, second, third] = d.of('layer-5')
  assert.ok(first && second && third)
  return { d, revision, number, tag, wanted, first, second, third }
}

const codeOf = (result: Awaited<ReturnType<typeof signAt>>): string => (result.ok ? 'ok' : result.code)

test('a release is signed when its layer’s quorum approved exactly it, once, and the log says so', async () => {
  const { d, number, wanted, first, second, revision } = await scene()
  const nobody = await signAt(d, wanted)
  assert.ok(!nobody.ok && nobody.code === 'quorum-not-met')
  const [quorum] = nobody.decided.quorums
  assert.deepEqual([quorum?.quorum.required, quorum?.persons.length, quorum?.open.length], [2, 0, 5])

  const { comment } = await signedAnswer(d.url, sdk, first, wanted)
  const reply = replyTo(d, sdk, number, await say(d, sdk, number, 'mallory', comment))
  assert.match(reply ?? '', /Your approval of release `v1\.\d+\.0` is recorded as entry \d+.*1 of 2 signatures/)
  const half = await signAt(d, wanted)
  assert.ok(!half.ok && half.code === 'quorum-not-met')
  assert.deepEqual(half.decided.quorums[0]?.persons, [first.id])
  assert.equal((await entriesOf(d, 'release-signed')).length, 0, 'nothing is recorded of what was not signed')

  assert.equal(await sayOnRelease(d, number, second, wanted), 'ok')
  const signed = await signAt(d, wanted)
  assert.ok(signed.ok && !signed.isRepeated)
  const opened = openIssued(signed.envelope, [noteVerifierKey(origin, await d.custody.publicKey(logKeyName))])
  assert.ok(opened.ok)
  const { statement } = opened
  assert.equal(statement.predicateType, 'https://in-toto.io/attestation/release/v0.1')
  assert.deepEqual(namesIn(statement), ['sdk-1.0.0.tgz', 'sdk-1.0.0.zip'])
  assert.match(String(statement.predicate.purl), /^pkg:generic\/acme\/sdk@v1\.\d+\.0\?vcs_url=git%2Bhttps/)
  const [entry] = await entriesOf(d, 'release-signed')
  assert.deepEqual([entry?.revision, entry?.tag], [revision, wanted.tag])

  const again = await signAt(d, wanted)
  assert.ok(again.ok && again.isRepeated)
  assert.deepEqual(again.envelope, signed.envelope)
  assert.equal((await entriesOf(d, 'release-signed')).length, 1)
  const other = await signAt(d, { ...wanted, artifacts: [artifact('sdk-1.0.0.tgz', 'evil')] })
  assert.equal(codeOf(other), 'tag-released', 'a tag is released once')
})

test('T12 an approval of another tag, revision, list of artefacts, repository or deployment never counts', async (t) => {
  const { d, number, wanted, first, second } = await scene()
  const later = await landed(d)
  const changed = [artifact('sdk-1.0.0.tgz', 'one'), artifact('sdk-1.0.0.zip', 'two!')]
  assert.equal(await sayOnRelease(d, number, first, { ...wanted, artifacts: changed }), 'ok')
  assert.equal(await sayOnRelease(d, number, second, { ...wanted, revision: later.revision }), 'ok')
  const refused = await signAt(d, wanted)
  assert.ok(!refused.ok && refused.code === 'quorum-not-met')
  assert.deepEqual(
    refused.decided.fallen.map(({ person, code }) => [person, code]),
    [
      [first.id, 'wrong-artifacts'],
      [second.id, 'wrong-revision'],
    ],
  )
  const elsewhere = await signAt(d, { ...wanted, tag: `${wanted.tag}-other` })
  assert.ok(!elsewhere.ok && elsewhere.code === 'quorum-not-met')
  assert.deepEqual(elsewhere.decided.fallen, [], 'another tag has statements of its own')

  const { comment } = await signedAnswer(d.url, sdk, first, wanted)
  const node = await open(d, 'acme/node')
  assert.equal(await outcomeOf(d, 'acme/node', node.number, first.login, comment), 'wrong-repository')
  const other = await startDeployment(t, { frozen: true, repositories: ['sdk'], origin: 'elsewhere.example.org/log' })
  const theirs = await open(other, sdk)
  assert.equal(await outcomeOf(other, sdk, theirs.number, first.login, comment), 'wrong-audience')
})

test('T12 an approval of a pull request is none of a release, and an approval of a release is none of a pull request', async () => {
  const { d, number, wanted, first, second } = await scene()
  const pull = await open(d, sdk)
  const onChange = await signStatement(d, sdk, pull.number, first, { decision: 'approve' })
  const onRelease = await signedAnswer(d.url, sdk, second, wanted)
  // Signed for the one, presented as the other: neither bytes nor signatures change their meaning.
  const swapped = commentOf('sign', onRelease.payload, onChange.signature)
  assert.equal(await outcomeOf(d, sdk, number, first.login, swapped), 'bad-signature')
  assert.equal(await outcomeOf(d, sdk, pull.number, first.login, onChange.comment), 'ok')
  const before = await countedOf(d, sdk, pull.number)
  assert.equal(await outcomeOf(d, sdk, pull.number, second.login, onRelease.comment), 'ok', 'said on any pull request')
  assert.deepEqual(await countedOf(d, sdk, pull.number), before, 'and counting on none')
  const release = await signAt(d, wanted)
  assert.ok(!release.ok && release.code === 'quorum-not-met')
  assert.deepEqual(release.decided.quorums[0]?.persons, [second.id])

  const asRelease = await signStatement(
    d,
    sdk,
    pull.number,
    first,
    { decision: 'approve' },
    {
      rewrite: (text) => text.replace('"action":"pull-request"', '"action":"release"'),
    },
  )
  assert.match((await outcomeOf(d, sdk, pull.number, first.login, asRelease.comment)) ?? '', /^(?:un|mal|missing)/)
  const text = decodeUtf8(onRelease.payload) ?? ''
  const asChange = Buffer.from(text.replace('"action":"release"', '"action":"pull-request"'))
  const forged = commentOf('sign', asChange, onRelease.signature)
  assert.match((await outcomeOf(d, sdk, pull.number, second.login, forged)) ?? '', /^(?:un|mal|missing)/)
})

test('T13 the same release approval twice, and two of one person, are one vote; a used nonce is burnt', async () => {
  const { d, number, wanted, first } = await scene()
  const one = await signedAnswer(d.url, sdk, first, wanted)
  assert.equal(await outcomeOf(d, sdk, number, first.login, one.comment), 'ok')
  assert.equal(await outcomeOf(d, sdk, number, first.login, one.comment), 'duplicate-statement')
  assert.equal(await sayOnRelease(d, number, first, wanted), 'ok', 'a second one of the same person is recorded')
  const release = await signAt(d, wanted)
  assert.ok(!release.ok && release.code === 'quorum-not-met')
  assert.deepEqual(release.decided.quorums[0]?.persons, [first.id])
  assert.deepEqual(
    release.decided.fallen.map(({ code }) => code),
    ['superseded'],
  )
})

test('T13 two copies of a release approval at the same moment are recorded once', async () => {
  const { d, number, wanted, first } = await scene()
  const elsewhere = await open(d, sdk)
  const { comment } = await signedAnswer(d.url, sdk, first, wanted)
  d.fake.comment({ repo: sdk, number }, first.login, comment)
  d.fake.comment({ repo: sdk, number: elsewhere.number }, 'mallory', comment)
  await d.settled()
  const recorded = await d.store.statements.forRelease(d.repositoryId(sdk), wanted.tag)
  assert.equal(recorded.length, 1)
})

test('T15 the release approval of a suspended person does not count, and neither does a new one', async (t) => {
  const alone = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { d, number, wanted, first, second, third } = await scene(alone)
  assert.equal(await sayOnRelease(d, number, first, wanted), 'ok')
  assert.equal(await sayOnRelease(d, number, second, wanted), 'ok')
  const late = await signedAnswer(d.url, sdk, third, wanted)
  const pull = await open(d, sdk)
  const suspend = (target: number) =>
    ({ decision: 'suspend', target: target as never, reason: 'The key was stolen.' }) as const
  assert.equal(await act(d, sdk, pull.number, second, suspend(second.id)), 'ok')
  const release = await signAt(d, wanted)
  assert.ok(!release.ok && release.code === 'quorum-not-met')
  assert.deepEqual(release.decided.quorums[0]?.persons, [first.id])
  assert.ok(release.decided.fallen.some(({ person, code }) => person === second.id && code === 'key-suspended'))
  assert.equal(await act(d, sdk, pull.number, third, suspend(third.id)), 'ok')
  assert.equal(await outcomeOf(d, sdk, number, third.login, late.comment), 'key-suspended')
})

test('T16 a maintainer of another layer is not asked and not counted', async () => {
  const { d, number, wanted, first } = await scene()
  const [stranger] = d.of('layer-4')
  assert.ok(stranger)
  const { payload } = await signedAnswer(d.url, sdk, stranger, wanted)
  assert.match(decodeUtf8(payload) ?? '', /"action":"release"/)
  assert.equal(await sayOnRelease(d, number, stranger, wanted), 'not-in-set')
  assert.equal(await sayOnRelease(d, number, first, wanted), 'ok')
  assert.equal(codeOf(await signAt(d, wanted)), 'quorum-not-met')
})

test('T19 a veto blocks a release whatever is built under its tag, until it is withdrawn; a withdrawn approval is none', async () => {
  const { d, number, wanted, first, second, third } = await scene()
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  const bad = { ...wanted, artifacts: [artifact('sdk-1.0.0.tgz', 'bad build')] }
  assert.equal(await sayOnRelease(d, number, third, { ...bad, decision: 'veto', reason: 'It does not start.' }), 'ok')
  const vetoed = await signAt(d, wanted)
  assert.ok(!vetoed.ok && vetoed.code === 'release-vetoed')
  assert.deepEqual(vetoed.decided.vetoedBy, [third.id])
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'withdraw' }), 'ok')
  assert.equal(await sayOnRelease(d, number, second, { ...wanted, decision: 'withdraw' }), 'ok')
  const withdrawn = await signAt(d, wanted)
  assert.ok(!withdrawn.ok && withdrawn.code === 'quorum-not-met')
  assert.deepEqual(withdrawn.decided.quorums[0]?.persons, [first.id])
  assert.equal(await sayOnRelease(d, number, second, wanted), 'ok')
  assert.equal(codeOf(await signAt(d, wanted)), 'ok')
})

test('T29 a revision that was pushed past the gate cannot be approved, asked for or released', async () => {
  const { d, number, wanted, first } = await scene()
  d.fake.commit(sdk, 'main', { author: 'admin', by: 'admin', files: { 'src/evil.ts': '1\n' }, bypass: true })
  await d.settled()
  const direct = { ...wanted, tag: `${wanted.tag}-direct`, revision: d.fake.branch(sdk, 'main') }
  assert.equal((await fetch(releaseChallengeUrl(d.url, sdk, first.login, direct))).status, 404)
  assert.equal(codeOf(await signAt(d, direct)), 'revision-not-matched')
  assert.equal(await sayOnRelease(d, number, first, wanted), 'ok')
})

test('a challenge about a release is one byte string until it is answered, and every no is the same 404', async () => {
  const { d, number, wanted, first } = await scene()
  const url = releaseChallengeUrl(d.url, sdk, first.login, wanted)
  const text = async () => (await fetch(url)).text()
  const before = await text()
  assert.equal(await text(), before)
  assert.equal(await sayOnRelease(d, number, first, wanted), 'ok')
  assert.notEqual(await text(), before)
  const no = async (change: (asked: URL) => void) => {
    const asked = new URL(url)
    change(asked)
    const answer = await fetch(asked)
    return [answer.status, await answer.text()]
  }
  const [status, body] = await no((asked) => asked.searchParams.set('maintainer', 'nobody'))
  assert.equal(status, 404)
  for (const [name, value] of [
    ['revision', '0'.repeat(40)],
    ['revision', 'main'],
    ['artifacts', 'x'],
    ['tag', '../../x'],
    ['decision', 'attest'],
    ['reason', 'an approval has none'],
    ['more', '1'],
  ] as const) {
    const answered = await no((asked) => asked.searchParams.set(name, value))
    assert.deepEqual(answered, [status, body], name)
  }
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  assert.equal(sumsText(files).split('\n').length, 3)
})
