/** The offline verifier as strangers get it: two files, built twice, run by an old Node and by a real browser without network. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { before, test, type TestContext } from 'node:test'
import { chromium } from 'playwright-core'
import { buildVerifier, writeVerifier } from '../../scripts/build-verifier.ts'
import { type EvidenceStory, tellEvidenceStory } from './evidence-story.ts'

const chromiumPath = '/usr/bin/chromium'
let folder = ''
let story: EvidenceStory

before(async (t) => {
  folder = mkdtempSync(join(tmpdir(), 'governance-verifier-'))
  await writeVerifier(folder)
  story = await tellEvidenceStory()
  for (const [name, bytes] of Object.entries(story.files)) writeFileSync(join(folder, name), bytes)
  ;(t as TestContext).after?.(() => rmSync(folder, { recursive: true, force: true }))
})

interface Answer {
  readonly verdict: string
  readonly checks: readonly { readonly outcome: string; readonly code: string | null }[]
}

function verify(...args: readonly string[]): { readonly code: number | null; readonly answer: Answer } {
  // Nothing of the repository is within reach: the file stands alone.
  const done = spawnSync(process.execPath, ['verify.mjs', ...args, '--json'], {
    cwd: folder,
    env: {},
    encoding: 'utf8',
  })
  return { code: done.status, answer: JSON.parse(done.stdout) as Answer }
}

test('both files are built to the same bytes in another place, and import nothing but Node itself', async (t) => {
  const again = await buildVerifier()
  const elsewhere = mkdtempSync(join(tmpdir(), 'another-place-'))
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }))
  const root = join(import.meta.dirname, '..', '..')
  for (const name of ['src', 'scripts', 'package.json', 'tsconfig.json'])
    cpSync(join(root, name), join(elsewhere, 'a', 'b', name), { recursive: true })
  cpSync(join(root, 'node_modules', '@noble'), join(elsewhere, 'a', 'node_modules', '@noble'), {
    recursive: true,
    dereference: true,
  })
  symlinkSync(join(root, 'node_modules', 'esbuild'), join(elsewhere, 'a', 'node_modules', 'esbuild'))
  const built = spawnSync(
    process.execPath,
    [join(elsewhere, 'a', 'b', 'scripts', 'build-verifier.ts'), join(elsewhere, 'out')],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(built.status, 0, built.stderr)
  for (const { name, text } of again)
    for (const place of [folder, join(elsewhere, 'out')]) assert.equal(readFileSync(join(place, name), 'utf8'), text)
  const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8')
  for (const { name, sha256 } of again) assert.ok(sums.includes(`${sha256}  ${name}\n`))
  const [script] = again
  const imports = [...(script?.text ?? '').matchAll(/^import .* from "([^"]+)";?$/gm)].map(([, from]) => from)
  assert.deepEqual(new Set(imports), new Set(['crypto', 'fs', 'util'].map((name) => `node:${name}`)))
  for (const { name, text } of again) assert.doesNotMatch(text, /\/(?:work|home|tmp|root)\//, `${name} names a place`)
})

test('verify.mjs accepts evidence with its trust file, says untrusted without, and exits 0 only for the first', () => {
  const trusted = verify('evidence.json', '--trust', 'trust.json')
  assert.deepEqual([trusted.code, trusted.answer.verdict], [0, 'consistent'])
  const untrusted = verify('evidence.json')
  assert.deepEqual([untrusted.code, untrusted.answer.verdict], [1, 'untrusted'])
  const foreign = verify('evidence.json', '--trust', 'foreign-trust.json')
  assert.deepEqual([foreign.code, foreign.answer.verdict], [1, 'invalid'])
})

test('T45 verify.mjs refuses a tampered byte, a cut file and every other spelling, and never exits with 0', () => {
  for (const name of ['tampered.json', 'cut.json', 'spaced.json', 'absent.json']) {
    const done = spawnSync(process.execPath, ['verify.mjs', name, '--trust', 'trust.json'], { cwd: folder, env: {} })
    assert.equal(done.status, 1, name)
  }
  assert.equal(verify('tampered.json', '--trust', 'trust.json').answer.verdict, 'invalid')
  assert.equal(spawnSync(process.execPath, ['verify.mjs'], { cwd: folder, env: {} }).status, 64)
})

test('verify.mjs runs under the oldest Node that is promised', (t) => {
  const old = ['/usr/bin/node', '/usr/local/bin/node'].find(
    (path) => existsSync(path) && /^v20\./.test(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout),
  )
  if (old === undefined) return t.skip('this machine has no Node 20 beside the pinned one')
  const done = spawnSync(old, ['verify.mjs', 'evidence.json', '--trust', 'trust.json'], { cwd: folder, env: {} })
  assert.equal(done.status, 0)
})

test('verify.html judges from disk in a real browser, under a policy that leaves it no network', async (t) => {
  if (!existsSync(chromiumPath)) {
    assert.equal(process.env['CI'], undefined, 'chromium is not installed')
    return t.skip('chromium is not installed')
  }
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  t.after(() => browser.close())
  const page = await browser.newPage()
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  const address = pathToFileURL(join(folder, 'verify.html')).href
  const hand = async (...names: readonly string[]): Promise<string | undefined> => {
    await page.goto(address)
    await page.waitForSelector('html[data-ready=true]')
    await page.setInputFiles(
      '#choose',
      names.map((name) => join(folder, name)),
    )
    await page.waitForSelector('#result[data-verdict]')
    return (await page.getAttribute('#result', 'data-verdict')) ?? undefined
  }
  assert.equal(await hand('evidence.json', 'trust.json'), 'consistent')
  assert.match((await page.textContent('.fingerprint')) ?? '', /\d{5}( \d{5}){7}/)
  assert.equal(await hand('evidence.json'), 'untrusted')
  assert.equal(await hand('tampered.json', 'trust.json'), 'invalid')

  // The same by drag and drop, and nothing that a file says becomes markup.
  await page.goto(address)
  await page.waitForSelector('html[data-ready=true]')
  const dropped = await page.evaluateHandle(
    ([evidence, trust]) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([evidence ?? ''], '<img src=x onerror=alert(1)>.json'))
      transfer.items.add(new File([trust ?? ''], 'trust.json'))
      return transfer
    },
    ['evidence.json', 'trust.json'].map((name) => readFileSync(join(folder, name), 'utf8')),
  )
  await page.dispatchEvent('body', 'drop', { dataTransfer: dropped })
  await page.waitForSelector('#result[data-verdict]')
  assert.equal(await page.getAttribute('#result', 'data-verdict'), 'consistent')
  assert.equal(await page.locator('img').count(), 0)

  const reached = await page.evaluate(() =>
    fetch('http://127.0.0.1:9/').then(
      () => true,
      () => false,
    ),
  )
  assert.equal(reached, false)
  assert.ok(
    complaints.some((text) => text.includes('Content Security Policy')),
    'the policy refused it, not the port',
  )
  assert.deepEqual(
    complaints.filter((text) => !text.includes('Content Security Policy') && !text.includes('Fetch API')),
    [],
  )
  assert.ok(
    requests.every((url) => url === address),
    requests.join(' '),
  )
})
