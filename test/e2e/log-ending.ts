/** What operator and holder of the root do to end a log that lost entries. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Desk } from './cli-deployment.ts'

export const oldOrigin = 'gov.example.org/decisions'
export const newOrigin = 'gov.example.org/decisions-2'
const endReason = 'the machine came back from a snapshot of last week'

export interface Root {
  readonly root: string
  readonly file: string
}

export async function good(desk: Desk, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await desk.cli(...args)
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Makes a root of its own for the old log, and keeps its secret in a file. */
export async function makeRoot(desk: Desk, name: string): Promise<Root> {
  const made = await good(desk, 'log', 'root', 'create', '--origin', oldOrigin, '--json')
  const { root, secret } = JSON.parse(made) as { root: string; secret: string }
  desk.secrets.push(secret)
  const file = join(desk.folder, `${name}.secret`)
  writeFileSync(file, secret, { mode: 0o600 })
  return { root, file }
}

/** Signs a break over a checkpoint; returns the file that holds it. */
export async function signBreak(
  desk: Desk,
  name: string,
  signed: { readonly checkpoint: string; readonly key: string; readonly next: string; readonly rootFile: string },
): Promise<string> {
  const { checkpoint, key, next, rootFile } = signed
  const args = ['--key', key, '--next', next, '--reason', endReason, '--root-file', rootFile, '--yes']
  const note = await good(desk, 'log', 'break', checkpoint, ...args)
  const file = join(desk.folder, name)
  assert.ok(!existsSync(file), name)
  writeFileSync(file, note)
  return file
}
