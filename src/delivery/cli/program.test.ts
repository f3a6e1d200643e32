import assert from 'node:assert/strict'
import test from 'node:test'
import { AppError, InvariantError } from '../../flows/app-error.ts'
import { appErrorWords } from './app-error-words.ts'
import { excessOf, lackOf } from './app-permissions.ts'
import { commandsPage } from './commands-page.ts'
import type { CliNeeds } from './needs.ts'
import { repositoryOfRemote } from './policy-source.ts'
import { createProgram, runCommandLine } from './program.ts'
import { Refusal } from './refusal.ts'
import { aligned } from './terminal.ts'

/** A command line whose deployment cannot be opened, for the given reason. */
async function endsWith(error: Error, args = ['status', '--config', 'x']) {
  const said = { out: '', err: '' }
  const needs = {
    version: '1.2.3',
    terminal: {
      isInteractive: false,
      out: (text: string) => void (said.out += text),
      err: (text: string) => void (said.err += text),
      readInput: async () => new Uint8Array(),
    },
    openDeployment: () => Promise.reject(error),
  } as unknown as CliNeeds
  return { code: await runCommandLine(args, needs), ...said }
}

test('every refusal of the world ends with the code and the remedy of the one table', async () => {
  for (const [code, { exit, remedy }] of Object.entries(appErrorWords)) {
    const ended = await endsWith(new AppError(code as keyof typeof appErrorWords, 'it said no'))
    assert.equal(ended.code, exit, code)
    assert.ok(ended.err.includes(code) && ended.err.includes(remedy), code)
    assert.equal(ended.out, '')
  }
})

test('--json says a refusal as one value; a known no is 1, an unknown is 2', async () => {
  const args = ['status', '--config', 'x', '--json']
  const no = await endsWith(new Refusal('no-way', 'no'), args)
  assert.equal(no.code, 1)
  assert.deepEqual(JSON.parse(no.out), { ok: false, code: 'no-way', message: 'no' })
  assert.equal((await endsWith(new Refusal('who-knows', 'no', { exit: 2 }))).code, 2)
})

test('T59 a mistake of ours tells where it happened and never what an unknown error quotes', async () => {
  const quoting = await endsWith(new SyntaxError('Unexpected token in "hunter2-hunter2"'))
  assert.equal(quoting.code, 2)
  assert.ok(!quoting.err.includes('hunter2'))
  assert.match(quoting.err, /mistake of this program: SyntaxError/)
  assert.match(quoting.err, /\n {4}at /)
  assert.match((await endsWith(new InvariantError('our own claim'))).err, /our own claim/)
})

test('every command has words, a --json where it answers, and stands in the reference', () => {
  const page = commandsPage()
  const leaves: string[] = []
  const walk = (command: ReturnType<typeof createProgram>['command'], path: string): void => {
    assert.ok(command.description().length > 5, path)
    if (command.commands.length === 0) leaves.push(path)
    for (const child of command.commands) walk(child, `${path} ${child.name()}`)
  }
  walk(createProgram({ version: '' } as CliNeeds).command, 'governance')
  assert.ok(leaves.length >= 23, String(leaves.length))
  for (const leaf of leaves) assert.ok(page.includes(`## \`${leaf}`), leaf)
})

test('permissions: more and less than needed are told apart, an unknown level counts as the highest', () => {
  const needed = { checks: 'write', contents: 'read' }
  assert.deepEqual(excessOf({ checks: 'write', contents: 'write', issues: 'read' }, needed), [
    'contents:write',
    'issues:read',
  ])
  assert.deepEqual(excessOf({ checks: 'write', contents: 'own' }, needed), ['contents:own'])
  assert.deepEqual(excessOf({ checks: 'read' }, needed), [])
  assert.deepEqual(lackOf({ checks: 'read' }, needed), ['checks:write', 'contents:read'])
  assert.deepEqual(excessOf({ constructor: 'read' }, needed), ['constructor:read'])
})

test('the name of a repository is found in every form of a remote', () => {
  for (const address of [
    'https://github.com/acme/governance',
    'https://github.com/acme/governance.git/',
    'git@github.com:acme/governance.git',
    'ssh://git@host:22/acme/governance.git\n',
  ])
    assert.equal(repositoryOfRemote(address), 'acme/governance', address)
  assert.equal(repositoryOfRemote('/..'), null)
})

test('columns are as wide as their widest cell, and no line ends in blanks', () => {
  assert.equal(
    aligned([
      ['a', 'bb', ''],
      ['aaa', 'b', 'c'],
    ]),
    'a    bb\naaa  b   c\n',
  )
})
