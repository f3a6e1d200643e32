import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { publicGovernanceFiles, sampleGovernanceFiles } from '../fixtures/governance-repository.ts'
import { samplePeople } from '../fixtures/sample-people.ts'
import { json, root, run, scratch } from './cli-process.ts'

const ownSample = join(root, 'test/fixtures/governance')
const publicSample = join(root, '../shared/vectors/btcdecoded-governance')

function writeFiles(folder: string, files: ReadonlyMap<string, string>): string {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** Every line of the registry files that holds a placeholder or a published key, as `file:line`. */
function badKeyLines(files: ReadonlyMap<string, string>): string[] {
  const places: string[] = []
  for (const [path, text] of files) {
    if (!path.startsWith('config/maintainers/')) continue
    for (const [index, line] of text.split('\n').entries())
      if (/^\s*public_key: .*PLACEHOLDER/i.test(line)) places.push(`${path}:${index + 1}`)
  }
  return places
}

test('T20 lint of a sample ends with 1 and names every placeholder with file, line and remedy', async () => {
  for (const [directory, files] of [
    [ownSample, sampleGovernanceFiles()],
    [publicSample, publicGovernanceFiles()],
  ] as const) {
    if (files === null) continue
    const places = badKeyLines(files)
    assert.ok(places.length > 0)
    const { code, stdout, stderr } = await run(['policy', 'lint', directory])
    assert.equal(code, 1, stderr)
    const lines = stdout.split('\n')
    for (const place of places) {
      const at = lines.findIndex((line) => line.startsWith(`${place} `) && line.includes('placeholder-key'))
      assert.ok(at >= 0, `${place} is not named`)
      assert.match(lines[at + 1] ?? '', /^ {4}\S/, 'a remedy stands below')
    }
    assert.match(stdout, /\d+ errors?, \d+ warnings?, \d+ notes?: \d+ of them keep the policy from taking effect\n$/)
  }
})

test('lint --json is one value with counts, and a good policy ends with 0', async (t) => {
  const files = sampleGovernanceFiles(samplePeople())
  const layers = files.get('config/repository-layers.yml') ?? ''
  assert.ok(layers !== '')
  const folder = writeFiles(scratch(t), files)
  const lint = await run(['policy', 'lint', folder, '--governance-repo', 'acme/governance', '--json'])
  const told = json(lint) as {
    ok: boolean
    policy: string
    counts: Record<string, number>
    findings: { code: string }[]
  }
  assert.match(told.policy, /^[0-9a-f]{64}$/)
  assert.equal(told.counts.blocking, 0, JSON.stringify(told.findings))
  assert.equal(lint.code, told.counts.errors === 0 ? 0 : 1)
  assert.equal(told.ok, lint.code === 0)
})

test('a fault of structure stops every command, with file and line', async (t) => {
  const files = sampleGovernanceFiles(samplePeople())
  files.set('config/action-tiers.yml', `${files.get('config/action-tiers.yml')}\n  - [broken\n`)
  const folder = writeFiles(scratch(t), files)
  const lint = await run(['policy', 'lint', folder])
  assert.equal(lint.code, 1)
  assert.match(lint.stdout, /^config\/action-tiers\.yml:\d+ +fault +\S/m)
  for (const command of ['show', 'requirement']) assert.equal((await run(['policy', command, folder])).code, 2, command)
})

/** The table of domain.md: required/total and days by layer, for tiers 1 to 5. */
const table = {
  L1: '6/7 180, 6/7 180, 6/7 180, 6/7 180, 6/7 180',
  L2: '6/7 180, 6/7 180, 6/7 180, 6/7 180, 6/7 180',
  L3: '4/5 90, 4/5 90, 5/5 90, 4/5 90, 5/5 180',
  L4: '3/5 60, 4/5 60, 5/5 90, 4/5 60, 5/5 180',
  L5: '3/5 14, 4/5 30, 5/5 90, 4/5 14, 5/5 180',
}

test('the 25 cells are those of domain.md, as text and as JSON', async () => {
  const days = (text: string): string => {
    const [quorum, count] = text.split(' ')
    return `${quorum?.replace('/', '-of-')}, ${count} days`
  }
  const wanted = Object.entries(table).flatMap(([layer, cells]) =>
    cells.split(', ').map((text, index) => `${layer} T${index + 1}: ${days(text)}`),
  )
  for (const directory of [ownSample, ...(publicGovernanceFiles() === null ? [] : [publicSample])]) {
    const { code, stdout } = await run(['policy', 'requirement', directory])
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.deepEqual(lines, wanted)
  }
  const one = await run(['policy', 'requirement', ownSample, '--layer', '3', '--tier', '5', '--json'])
  assert.deepEqual(json(one), {
    layer: '3',
    tier: '5',
    required: 5,
    total: 5,
    reviewDays: 180,
    conditions: ['public-comment', 'rationale'],
  })
  const consensus = await run(['policy', 'requirement', ownSample, '--layer', '1', '--tier', '1', '--consensus'])
  assert.equal(consensus.stdout, 'L1 T1: 6-of-7, 365 days\n')
  assert.equal(
    (await run(['policy', 'requirement', ownSample, '--layer', '0'])).stdout,
    'L0: 5-of-7 + 2-of-3 emergency, 90 days\n',
  )
})

test('T30 an unknown layer, tier or repository is never a default', async () => {
  assert.equal((await run(['policy', 'requirement', ownSample, '--layer', '9', '--tier', '1'])).code, 2)
  assert.equal((await run(['policy', 'requirement', ownSample, '--layer', '1', '--tier', 'nine'])).code, 2)
  const classify = await run(['policy', 'classify', ownSample, '--repository', 'evil/node-fork', '--files', 'a'])
  assert.equal(classify.code, 2)
  assert.match(classify.stderr, /unknown-repository/)
})

test('T21 T34 classify goes by paths, both of them, and words only add', async () => {
  const classify = async (...args: string[]) =>
    json(await run(['policy', 'classify', ownSample, '--repository', 'consensus', '--json', ...args])) as {
      classification: { consensus: boolean; tiers: { tier: string }[] }
    }
  const harmless = await classify('--files', 'README.md', '--title', 'docs: typo')
  const marked = await classify('--files', 'README.md', '--title', '[GOVERNANCE] docs: typo')
  const tiers = (told: typeof harmless): string[] => told.classification.tiers.map(({ tier }) => tier)
  assert.ok(tiers(marked).length > tiers(harmless).length)
  assert.ok(tiers(harmless).every((tier) => tiers(marked).includes(tier)))
  const fromInput = await run(['policy', 'classify', ownSample, '--repository', 'consensus', '--stdin', '--json'], {
    input: 'README.md\n',
  })
  assert.deepEqual((json(fromInput) as typeof harmless).classification.tiers, harmless.classification.tiers)
})

test('a wrong command line ends with 64 and names everything that is missing', async () => {
  for (const args of [
    [],
    ['frobnicate'],
    ['policy'],
    ['policy', 'lint', '--frob'],
    ['explain', 'acme/node', '--config', 'x'],
    ['deliveries', 'replay', '--config', 'x'],
    ['init', '--yes'],
    ['approval', 'sign'],
    ['approval', 'challenge', 'acme/node#1', '--decision', 'shrug'],
  ])
    assert.equal((await run(args)).code, 64, args.join(' '))
  const init = await run(['init', '--yes'])
  for (const flag of [
    'config',
    'data-dir',
    'api-url',
    'app-id',
    'private-key-file',
    'webhook-secret-file',
    'governance-repo',
    'public-url',
    'origin',
  ])
    assert.match(init.stderr, new RegExp(`--${flag} .*is missing`), flag)
  const classify = await run(['policy', 'classify', ownSample])
  assert.match(classify.stderr, /--repository.*\n.*--files/)
})

test('--version is that of package.json; help is an answer', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  assert.deepEqual(await run(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  const help = await run(['policy', 'lint', '--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /Usage: governance policy lint/)
})

test('T60 names in policy files reach the terminal as text', async (t) => {
  const files = sampleGovernanceFiles(samplePeople())
  const path = 'config/maintainers/layer-3.yml'
  files.set(path, (files.get(path) ?? '').replace(/github: \S+/, 'github: "a\\e[2Jb"'))
  const { stdout, stderr } = await run(['policy', 'lint', writeFiles(scratch(t), files)])
  assert.ok(!stdout.includes('\u001b') && !stderr.includes('\u001b'))
})
