import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'

const WRAPPER = join(import.meta.dirname, '..', '..', 'scripts', 'test.ts')
const folder = mkdtempSync(join(tmpdir(), 'governance-runner-'))
after(() => rmSync(folder, { recursive: true, force: true }))

type Outcome = { readonly code: number; readonly output: string }

async function runNamed(ci: string | undefined, ...files: readonly string[]): Promise<Outcome> {
  // A runner inside a runner does nothing unless it takes itself for the outer one.
  const { NODE_TEST_CONTEXT: _, CI: __, ...env } = process.env
  return new Promise((settle) => {
    const options = { env: ci === undefined ? env : { ...env, CI: ci } }
    execFile(process.execPath, [WRAPPER, ...files], options, (error, stdout, stderr) => {
      settle({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}

async function runTests(ci: string | undefined, ...bodies: readonly string[]): Promise<Outcome> {
  const files = bodies.map((body, index) => {
    const file = join(folder, `${index}.test.ts`)
    writeFileSync(file, `import { test } from 'node:test'\n${body}\n`)
    return file
  })
  return runNamed(ci, ...files)
}

const good = "test('good', () => {})"
const bad = "test('bad', () => { throw new Error('no') })"
const missing = "test('needs the real one', { skip: 'real part missing: softhsm2' }, () => {})"
const elsewhere = "test('needs a mac', { skip: 'only on darwin' }, () => {})"

describe('npm test', () => {
  test("passes with Node's closing lines when every test passes", async () => {
    const { code, output } = await runTests('true', good)
    assert.equal(code, 0, output)
    assert.match(output, /^ℹ tests 1\nℹ suites 0\nℹ pass 1\nℹ fail 0$/m)
  })

  test('fails when one test of one file fails', async () => {
    const { code, output } = await runTests(undefined, good, bad)
    assert.equal(code, 1, output)
    assert.match(output, /^ℹ fail 1$/m)
  })

  test('fails when a file does not even load', async () => {
    const { code } = await runTests(undefined, good, "import './nowhere.ts'")
    assert.equal(code, 1)
  })

  test('lists each skip with its reason at the end', async () => {
    const { code, output } = await runTests(undefined, missing, elsewhere)
    assert.equal(code, 0, output)
    const closing = output.slice(output.indexOf('ℹ duration_ms'))
    assert.match(closing, /^skipped: needs the real one \(.*0\.test\.ts\): real part missing: softhsm2$/m)
    assert.match(closing, /^skipped: needs a mac \(.*1\.test\.ts\): only on darwin$/m)
  })

  test('under CI a missing real part fails, another skip does not', async () => {
    assert.equal((await runTests('true', good, missing)).code, 1)
    assert.equal((await runTests('true', good, elsewhere)).code, 0)
  })

  test('fails when no file matches', async () => {
    const { code, output } = await runNamed(undefined, join(folder, 'nowhere.test.ts'))
    assert.equal(code, 1)
    assert.match(output, /tests nothing/)
  })
})
