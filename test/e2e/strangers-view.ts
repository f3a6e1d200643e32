/** What a stranger has of a deployment: clones, the log's files, a trust file, and the command that compares them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { composeCli } from '../../src/compose-cli.ts'
import { runCommandLine } from '../../src/delivery/cli/program.ts'
import type { RepoReport } from '../../src/flows/record/verify-repo.ts'
import type { PullState } from '../fakes/github/control-api.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { approveAll, days, isMergeable, open } from './threat-scene.ts'
import { writeLogFiles } from './write-log-files.ts'

export const sdk = 'acme/sdk'
export const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd, encoding: 'utf8' }).trim()

/** A clone as a stranger makes it, with the heads of pull requests, and the log's files beside it. */
export async function strangersView(t: TestContext, d: Deployment, name = sdk) {
  const dir = mkdtempSync(join(tmpdir(), 'governance-verify-repo-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  d.fake.exportTo(name, join(dir, 'forge.git'))
  git(dir, 'clone', '-q', 'forge.git', 'clone')
  git(join(dir, 'clone'), 'fetch', '-q', 'origin', '+refs/pull/*/head:refs/pull/*/head')
  const trust = await writeLogFiles(d, join(dir, 'log'))
  return { dir, clone: join(dir, 'clone'), log: join(dir, 'log'), trust }
}

export type View = Pick<Awaited<ReturnType<typeof strangersView>>, 'clone' | 'log' | 'trust'>

/** Runs the command as its user does; returns its exit and its JSON. */
export async function verify({ clone, log, trust }: View, name = sdk, ...more: string[]) {
  let out = ''
  let err = ''
  const needs = composeCli({
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    isInteractive: false,
    readInput: async () => new Uint8Array(0),
  })
  const words = ['verify', 'repo', clone, '--trust', trust, '--log', log, '--repo', name, '--json', ...more]
  const exit = await runCommandLine(words, needs)
  return { exit, err, report: JSON.parse(out) as RepoReport & { readonly code?: string } }
}

export const landed = ({ landings }: RepoReport) =>
  landings.map(({ number, how, code, commits }) => [number, code ?? how, commits])

export async function passed(d: Deployment, change: Parameters<typeof open>[2], more: readonly string[] = []) {
  const pull = await open(d, sdk, change)
  for (const path of more)
    d.fake.pushToPullRequest(
      { repo: sdk, number: pull.number },
      { author: 'alice', message: path, files: { [path]: `${path}\n` } },
    )
  await d.settled()
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  return pull
}

export async function press(d: Deployment, pull: PullState, mode: 'merge' | 'squash' | 'rebase', bypass = false) {
  for (let tries = 0; !bypass && !isMergeable(d, sdk, pull.number); tries++) {
    assert.ok(tries < 10, d.fake.mergeProblems({ repo: sdk, number: pull.number }, 'admin').join())
    await d.settled()
  }
  d.fake.mergePullRequest({ repo: sdk, number: pull.number }, 'admin', mode, { bypass })
}

/** A deployment on which one change with a second file landed honestly. */
export async function oneLanding(t: TestContext) {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const pull = await passed(d, { files: { 'docs/guide.md': 'typo\n', 'docs/more.md': 'more\n' } })
  await d.pass(days(14))
  await press(d, pull, 'squash')
  await d.settled()
  return { d, pull }
}
