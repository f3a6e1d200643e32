/** A desk whose policy asks for signatures and no days, so that something can land while a real clock runs. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { signEcdsa } from '../../src/core/index.ts'
import type { SamplePerson } from '../fixtures/sample-people.ts'
import { type Desk, setDesk, until } from './cli-deployment.ts'

export const node = 'acme/node'

const withoutDays = (desk: Map<string, string>): void => {
  const rules = 'config/cross-layer-rules.yml'
  desk.set(rules, (desk.get(rules) ?? '').replace('source_repo: node', 'source_repo: wallet'))
  for (const [path, text] of desk)
    desk.set(path, text.replaceAll(/(?<!consensus_)(review_period_days: )(?!365)\d+/g, '$10'))
}

/** Signs what the public listener asks one maintainer to sign, and says it in a comment. */
async function approveChange({ fake, url }: Desk, number: number, person: SamplePerson): Promise<void> {
  const answer = await fetch(`${url}/challenge/${node}/${number}?maintainer=${person.login}`)
  assert.equal(answer.status, 200)
  const { payload, pae } = (await answer.json()) as { payload: string; pae: string }
  const signature = signEcdsa(Buffer.from(person.secretHex, 'hex'), Buffer.from(pae, 'base64'))
  const text = `/governance-sign ${payload} ${Buffer.from(signature).toString('base64')}`
  fake.comment({ repo: node, number }, person.login, text)
}

export interface ReleaseDesk {
  readonly desk: Desk
  /** The maintainers of the repository's layer. */
  readonly people: readonly SamplePerson[]
  readonly revision: string
  /** A pull request on which comments are read. */
  readonly number: number
  /** Folder with two artefacts. */
  readonly dist: string
  /** Posts a comment and waits for the reply to it. */
  say(person: SamplePerson, text: string): Promise<string>
}

/** Lands one change through a server that runs, and builds two artefacts of it. */
export async function setReleaseDesk(t: TestContext): Promise<ReleaseDesk> {
  const desk = await setDesk(t, { files: withoutDays })
  const { fake, folder, config } = desk
  const made = await desk.cli(...desk.initArgs())
  assert.equal(made.code, 0, made.stderr)
  const token = ['--apply', '--admin-token-file', join(folder, 'admin-token')]
  const enrolled = await desk.cli('repo', 'enrol', node, '--config', config, ...token)
  assert.equal(enrolled.code, 0, enrolled.stderr)
  await desk.serve()
  fake.commit(node, 'feature', { files: { 'docs/guide.md': 'more\n' }, author: 'alice', from: 'main' })
  const { number, headSha } = fake.openPullRequest({
    repo: node,
    head: 'feature',
    author: 'alice',
    title: 'docs: more',
  })
  await until(async () => fake.checkRuns(node, headSha).length > 0)
  const people = desk.people.filter(({ set }) => set === 'layer-4')
  for (const person of people.slice(0, 3)) await approveChange(desk, number, person)
  await until(async () => fake.checkRuns(node, headSha).some(({ conclusion }) => conclusion === 'success'))
  fake.mergePullRequest({ repo: node, number }, 'admin', 'squash')
  const dist = join(folder, 'dist')
  mkdirSync(dist)
  writeFileSync(join(dist, 'node-1.0.0.tgz'), 'one\n')
  writeFileSync(join(dist, 'node-1.0.0.zip'), 'two\n')
  const revision = fake.branch(node, 'main')
  await until(async () => {
    const listed = await desk.cli('audit', 'list', '--json', '--limit', '200', '--config', config)
    return listed.stdout.includes('landing-matched')
  })
  return {
    desk,
    people,
    revision,
    number,
    dist,
    async say(person, text) {
      const id = fake.comment({ repo: node, number }, person.login, text)
      const reply = () => fake.comments({ repo: node, number }).find(({ body }) => body.includes(`reply:${id} `))?.body
      await until(async () => reply() !== undefined)
      return reply() ?? ''
    },
  }
}

/** Runs the standard tool on a folder; what it says. @throws when a file is not as listed */
export const sha256sumCheck = (folder: string): string =>
  execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' })

/** The person's key as `openssl ecparam -name secp256k1 -genkey` would have written it. */
export const pemOf = ({ secretHex }: SamplePerson): string =>
  createPrivateKey({
    key: Buffer.from(`302e0201010420${secretHex}a00706052b8104000a`, 'hex'),
    format: 'der',
    type: 'sec1',
  })
    .export({ format: 'pem', type: 'sec1' })
    .toString()
