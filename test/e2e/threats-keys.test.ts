import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { act, codesOf, countedOf } from './signing.ts'
import { startDeployment } from './deployment.ts'
import { approveAll, days, isMergeable, open, sharedDeployment, shown } from './threat-scene.ts'

const sdk = 'acme/sdk'
const node = 'acme/node'
const secondSecret = '7'.repeat(64)
const secondKey = Buffer.from(secp256k1.getPublicKey(Buffer.from(secondSecret, 'hex'))).toString('hex')
const revokedAfterDays = 40

/** Adds lines below the entry of a login. */
function extend(text: string, login: string, lines: readonly string[]): string {
  const marked = `- github: ${login}\n`
  assert.ok(text.includes(marked))
  return text.replace(marked, `${marked}${lines.map((line) => `    ${line}\n`).join('')}`)
}

const stamp = (ms: number) => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')

const deployment = sharedDeployment({
  repositories: ['sdk', 'node'],
  files: (files) => {
    const at = 'config/maintainers/layer-4.yml'
    let four = files.get(at) ?? ''
    four = extend(four, 'node-1', ['expires: 2026-01-01'])
    four = extend(four, 'node-2', ['not_before: 2099-01-01'])
    four = extend(four, 'node-3', ['compromised_since: 2026-01-01'])
    four = extend(four, 'node-4', ['revoked_at: 2026-01-01'])
    files.set(at, four)
    const path = 'config/maintainers/layer-5.yml'
    let five = files.get(path) ?? ''
    const first = /^ {2}- github: sdk-1\n(?: {4}.*\n)+/m.exec(five)?.[0] ?? ''
    five = five.replace(first, `${first}\n${first.replace(/public_key: .*/, `public_key: ${secondKey}`)}`)
    files.set(path, extend(five, 'sdk-5', [`revoked_at: ${stamp(Date.now() + days(revokedAfterDays))}`]))
  },
})

test('T13 two keys of one person are one vote', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const [one, two] = d.of('layer-5')
  assert.ok(one && two)
  const other = { ...one, secretHex: secondSecret, publicHex: secondKey }
  assert.equal(await act(d, sdk, pull.number, one), 'ok')
  assert.equal(await act(d, sdk, pull.number, other), 'ok')
  assert.equal(await act(d, sdk, pull.number, one), 'ok')
  assert.deepEqual(await countedOf(d, sdk, pull.number), [one.id])
  assert.equal(await act(d, sdk, pull.number, two), 'ok')
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'action_required')
  // Withdrawn by either key, both votes are gone.
  assert.equal(await act(d, sdk, pull.number, other, { decision: 'withdraw' }), 'ok')
  assert.deepEqual(await countedOf(d, sdk, pull.number), [two.id])
})

test('T15 a key that is expired, not yet valid, compromised or revoked signs nothing that counts', async () => {
  const d = await deployment()
  const pull = await open(d, node)
  const [expired, early, compromised, revoked, good] = d.of('layer-4')
  assert.ok(expired && early && compromised && revoked && good)
  assert.equal(await act(d, node, pull.number, expired), 'key-expired')
  assert.equal(await act(d, node, pull.number, early), 'key-not-yet-valid')
  assert.equal(await act(d, node, pull.number, compromised), 'key-compromised')
  assert.equal(await act(d, node, pull.number, revoked), 'key-revoked')
  assert.equal(await act(d, node, pull.number, good), 'ok')
  assert.deepEqual(await countedOf(d, node, pull.number), [good.id])
})

test('T15 a revocation and a suspension after the verdict take the success away by themselves', async () => {
  const d = await deployment()
  const [, two, three, four, five] = d.of('layer-5')
  assert.ok(two && three && four && five)
  const pull = await open(d, sdk)
  const revoked = await open(d, sdk)
  await approveAll(d, sdk, pull.number, [two, three, four])
  await approveAll(d, sdk, revoked.number, [three, four, five])
  await d.pass(days(14))
  assert.deepEqual([shown(d, sdk, pull.number), shown(d, sdk, revoked.number)], ['success', 'success'])
  await d.pass(days(revokedAfterDays - 28) + 60_000)
  assert.deepEqual([shown(d, sdk, pull.number), shown(d, sdk, revoked.number)], ['success', 'action_required'])
  assert.equal(isMergeable(d, sdk, revoked.number), false)
  assert.ok((await codesOf(d, sdk, revoked.number)).includes('key-revoked'))

  const elsewhere = await open(d, node)
  const wish = {
    decision: 'suspend',
    target: four.id as never,
    reason: 'The key was seen on a stolen laptop.',
  } as const
  const [keeper, other] = d.of('emergency')
  assert.ok(keeper && other)
  assert.equal(await act(d, node, elsewhere.number, keeper, wish), 'ok')
  assert.equal(shown(d, sdk, pull.number), 'success', 'one keyholder alone suspends nobody')
  assert.equal(await act(d, node, elsewhere.number, other, wish), 'ok')
  assert.equal(shown(d, sdk, pull.number), 'action_required')
  assert.ok((await codesOf(d, sdk, pull.number)).includes('key-suspended'))
})

test('T20 a policy with a placeholder or a published test key is refused as the first one', async (t) => {
  const published = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
  for (const key of ['0x02[PLACEHOLDER_64_CHAR_HEX]', published])
    await assert.rejects(
      startDeployment(t, {
        files: (files) => {
          const path = 'config/maintainers/layer-1-2.yml'
          files.set(path, (files.get(path) ?? '').replace(/public_key: .*/, `public_key: ${key}`))
        },
      }),
      /placeholder|test-key|published/i,
      key,
    )
})
