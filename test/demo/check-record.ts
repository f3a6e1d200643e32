/** The end: what was recorded is judged anew by somebody who has nothing of the server but files. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeVerifier } from '../../scripts/build-verifier.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { readTrustFile, verifyEvidence } from '../../src/core/index.ts'
import { gatherEvidence } from '../../src/flows/record/evidence.ts'
import { logSize } from './observe.ts'
import { expectEqual, expectThere, type RunStep, StepFailure } from './steps.ts'
import { sdk, type World } from './world.ts'

interface Judged {
  readonly code: number | null
  readonly verdict: string
  readonly failed: readonly string[]
}

/** Runs the one file in a process of its own, in a folder where nothing of the product lies. */
async function judge(folder: string, ...args: readonly string[]): Promise<Judged> {
  const child = spawn(process.execPath, ['verify.mjs', ...args, '--json'], { cwd: folder, env: {} })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const { verdict, checks } = JSON.parse(out) as {
    readonly verdict: string
    readonly checks: readonly { readonly check: string; readonly outcome: string; readonly code: string | null }[]
  }
  const failed = checks
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ check, code: why }) => `${check} ${why ?? ''}`)
  return { code, verdict, failed }
}

/** Index of the pass of the demo's first change. */
async function firstPass(world: World): Promise<number> {
  const subject = `${world.repositoryId(sdk)}/1`
  const rows = await world.store.log.find({ type: 'verdict', subject, limit: 100 })
  const row = rows.find(({ bytes }) => new TextDecoder().decode(bytes).includes('"outcome":"pass"'))
  return expectThere('the pass of the first change', row).index
}

export async function checkRecord(step: RunStep, world: World, place: string): Promise<void> {
  const folder = join(place, 'stranger')
  await step(
    'evidence',
    'A stranger checks a verdict, with one file and nothing else of ours',
    async ({ say, quote, row }) => {
      mkdirSync(folder)
      await writeVerifier(folder)
      const index = await firstPass(world)
      const config = join(place, 'governance.toml')
      const [evidence, trust] = [join(folder, 'evidence.json'), join(folder, 'trust.json')]
      await world.commands.run(['evidence', 'export', String(index), '--config', config, '--out', evidence])
      await world.commands.run(['trust', 'export', '--config', config, '--out', trust])
      quote('$ node verify.mjs evidence.json --trust trust.json')
      const trusted = await judge(folder, 'evidence.json', '--trust', 'trust.json')
      expectEqual('evidence under trust that was handed over', trusted, { code: 0, verdict: 'consistent', failed: [] })
      say(`entry ${index}, judged in a process of its own from its bytes: consistent, exit code 0`)
      const alone = await judge(folder, 'evidence.json')
      expectEqual('evidence without trust', [alone.code, alone.verdict], [1, 'untrusted'])
      say('the same without a trust file: untrusted, exit code 1')
      row({
        tried: 'a stranger recomputes a verdict offline',
        happened: 'the same verdict, from its evidence and a trust file alone',
        code: null,
        recorded: `log entry ${index}`,
      })
    },
  )

  await step('tampered', 'Attack: one byte of the evidence is changed', async ({ say, row }) => {
    const bytes = readFileSync(join(folder, 'evidence.json'))
    const at = bytes.indexOf('"reviewDays":14') + '"reviewDays":1'.length
    if (at < 20) throw new StepFailure('the evidence', 'a review period of 14 days', 'none')
    bytes[at] = '3'.charCodeAt(0)
    writeFileSync(join(folder, 'tampered.json'), bytes)
    const judged = await judge(folder, 'tampered.json', '--trust', 'trust.json')
    expectEqual('tampered evidence', [judged.code, judged.verdict], [1, 'invalid'])
    const code = expectThere('a check that failed', judged.failed[0])
    say(`14 days became 13: invalid, exit code 1 (${judged.failed.join(', ')})`)
    row({ tried: 'one byte of the evidence is changed', happened: 'found', code, recorded: 'nothing: offline' })
  })

  await step('every-verdict', 'Every verdict of this demo, recomputed', async ({ say }) => {
    const read = readTrustFile(readFileSync(join(folder, 'trust.json')))
    if (!read.ok) throw new StepFailure('the trust file', 'readable', read.code)
    const rows = await world.store.log.find({ type: 'verdict', limit: await logSize(world) })
    for (const { index } of rows) {
      const bytes = await gatherEvidence({ ...world.store, acceleration }, index)
      const context = { trust: read.trust, cloneCheck: null, quorumTime: null, acceleration }
      const { verdict, checks } = verifyEvidence(bytes, context)
      const failed = checks.filter(({ outcome }) => outcome === 'fail')
      expectEqual(`the evidence of entry ${index}`, { verdict, failed }, { verdict: 'consistent', failed: [] })
    }
    say(`${rows.length} verdicts, each recomputed from its evidence alone: all of them equal`)
  })
}
