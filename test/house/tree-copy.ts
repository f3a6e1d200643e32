import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')
const COPIED = [
  'package.json',
  '.oxlintrc.json',
  'biome.json',
  'knip.json',
  'tsconfig.json',
  'tsconfig.build.json',
  '.npmrc',
  'scripts',
  'src',
  'test',
  'docs',
  'spec',
  'bench',
  'bin',
]

/** What one step of the check said. */
export type StepResult = { readonly code: number; readonly output: string }

/** A throw-away copy of the working tree in which rules may be broken. */
export type TreeCopy = {
  readonly root: string
  /** Runs steps of `npm run check` in the copy. */
  readonly check: (...args: readonly string[]) => Promise<StepResult>
  /** Writes the given files, does the work, then puts the copy back as it was. */
  readonly withFiles: <T>(files: Readonly<Record<string, string>>, work: () => Promise<T>) => Promise<T>
  /** The text of a file of the copy, empty where there is none. */
  readonly read: (path: string) => string
  readonly remove: () => void
}

/** Copies everything that the checks read, with this tree's installed packages. */
export function copyTree(): TreeCopy {
  const root = mkdtempSync(join(tmpdir(), 'governance-house-'))
  for (const name of COPIED)
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(root, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const read = (path: string): string => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '')
  return {
    root,
    read,
    check: async (...args) =>
      new Promise((settle) => {
        execFile(process.execPath, ['scripts/check.ts', ...args], { cwd: root }, (error, stdout, stderr) => {
          settle({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
        })
      }),
    withFiles: async (files, work) => {
      const before = Object.keys(files).map((path) => ({
        path,
        text: existsSync(join(root, path)) ? read(path) : undefined,
      }))
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), text)
      }
      try {
        return await work()
      } finally {
        for (const { path, text } of before) {
          if (text === undefined) rmSync(join(root, path))
          else writeFileSync(join(root, path), text)
        }
      }
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
