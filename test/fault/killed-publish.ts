/** Kills the publisher at its steps on the file system, and looks at both places as a stranger does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { directorySource } from '../../src/adapters/log-source/directory-source.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { equalBytes, treeHasher } from '../../src/core/index.ts'
import { readClaimedHead } from '../../src/flows/record/follow-log.ts'
import { openLogTree } from '../../src/flows/record/log-tree.ts'
import { publishSample, sampleFiles, sampleOrigin } from './published-sample.ts'

const hasher = treeHasher(acceleration)
const program = join(import.meta.dirname, 'publish-process.ts')

export function scratch(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'governance-publish-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return { local: join(folder, 'local'), offHost: join(folder, 'off-host') }
}
export type Place = ReturnType<typeof scratch>

/** Runs the process to its end, whichever it takes. */
export function run(
  place: Place,
  size: number,
  step: number,
  how: 'torn' | 'whole',
  limit = '',
): Promise<{ readonly signal: string | null; readonly code: number | null; readonly out: string }> {
  const args = [program, String(size), place.local, place.offHost, String(step), how]
  const child = spawn('/bin/sh', ['-c', `${limit} exec "$0" "$@"`, process.execPath, ...args])
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.resume()
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out })))
}

/** The size that a place shows to a stranger, who finds every file under it; 0 while it shows none. */
export async function shownSize(directory: string): Promise<number> {
  const { key } = sampleFiles(1)
  const source = directorySource(directory)
  const head = await readClaimedHead(source, { origin: sampleOrigin, keys: [key], root: null })
  if (!head.ok) {
    assert.equal(head.fault.code, 'checkpoint-missing')
    return 0
  }
  const tree = await openLogTree(source, head.value.checkpoint, hasher)
  assert.ok(tree.ok, `the head of size ${head.value.checkpoint.size} lacks its files`)
  return head.value.checkpoint.size
}

/** Both places hold every file of the log of this size, and nothing waits. */
export function assertWhole(place: Place, size: number): void {
  for (const directory of [place.local, place.offHost]) {
    for (const [path, bytes] of sampleFiles(size).files)
      assert.ok(equalBytes(new Uint8Array(readFileSync(join(directory, path))), bytes), path)
    assert.deepEqual(existsSync(join(directory, '.new')) ? readdirSync(join(directory, '.new')) : [], [])
  }
}

/** Kills at every `stride`-th step, before the step and, where it writes a file, in its middle. */
export async function killPublishing(t: TestContext, stride: number): Promise<void> {
  const [before, after] = [255, 257]
  const probe = scratch(t)
  await publishSample({ ...probe, size: before })
  const whole = await run(probe, after, 0, 'whole')
  const steps = Number(whole.out)
  assert.ok(steps > 40, `${steps} steps`)
  const seen = new Set<string>()
  let kills = 0
  // Whatever the stride: once between the heads of the two places, and once after both.
  const atStride = Array.from({ length: Math.ceil(steps / stride) }, (_, i) => 1 + i * stride)
  for (const how of ['whole', 'torn'] as const)
    for (const step of new Set([...atStride, steps - 5, steps - 1])) {
      const place = scratch(t)
      await publishSample({ ...place, size: before })
      const { signal } = await run(place, after, step, how)
      // Writes that run at once make the same directory once or twice, so the count differs by a few.
      if (signal === null) {
        assert.ok(step > steps - 10, `step ${step} of ${steps}`)
        continue
      }
      assert.equal(signal, 'SIGKILL', `step ${step}`)
      kills += 1
      const [local, offHost] = [await shownSize(place.local), await shownSize(place.offHost)]
      assert.ok([before, after].includes(local) && [before, after].includes(offHost))
      assert.ok(offHost >= local, `step ${step}: the public place shows what the off-host place has not`)
      seen.add(`${local} ${offHost}`)
      await publishSample({ ...place, size: after })
      assertWhole(place, after)
    }
  for (const shown of [`${before} ${before}`, `${before} ${after}`]) assert.ok(seen.has(shown), [...seen].join(', '))
  t.diagnostic(`${kills} kills over ${steps} steps`)
}
