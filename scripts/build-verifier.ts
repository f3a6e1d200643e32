import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src', 'delivery', 'verify')

/** A file of the offline verifier. The same tree gives the same bytes, wherever and whenever it is built. */
export interface VerifierFile {
  readonly name: 'verify.mjs' | 'verify.html'
  readonly text: string
  readonly sha256: string
}

async function bundle(entry: string, platform: 'node' | 'browser'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, entry)],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    platform,
    format: platform === 'node' ? 'esm' : 'iife',
    target: platform === 'node' ? 'node20' : 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    treeShaking: true,
    // Readable on purpose: a stranger should be able to audit the very file that judges.
    minify: false,
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error(`${entry} gave no bundle`)
  // Where a module lay on the machine that built it is nobody's business and would make the bytes differ.
  return output.text.replaceAll(/^ *\/\/ \S*(?:node_modules|src)\/\S+\.[jt]s\n/gm, '')
}

const digest = (algorithm: string, encoding: 'hex' | 'base64', text: string): string =>
  createHash(algorithm).update(text, 'utf8').digest(encoding)

function page(script: string): string {
  const style = readFileSync(join(SOURCE, 'page', 'verify-page.css'), 'utf8').trimEnd()
  // A script that closes its own element would end there.
  const inline = script.replaceAll('</script', String.raw`<\/script`)
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${digest('sha256', 'base64', inline)}'`,
    `style-src 'sha256-${digest('sha256', 'base64', style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const parts: Readonly<Record<string, string>> = { policy, style, script: inline }
  const template = readFileSync(join(SOURCE, 'page', 'verify-page.html'), 'utf8')
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] ?? '')
}

/** Builds both files of the offline verifier in memory. */
export async function buildVerifier(): Promise<readonly VerifierFile[]> {
  const texts = [
    ['verify.mjs', `#!/usr/bin/env node\n${await bundle('verify-node.ts', 'node')}`],
    ['verify.html', page(await bundle('page/verify-page.ts', 'browser'))],
  ] as const
  return texts.map(([name, text]) => ({ name, text, sha256: digest('sha256', 'hex', text) }))
}

/** What a server tells its log of the verifier that it carries. The digests are of the files alone, which do not hold them. */
export async function verifierDigests(): Promise<object> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string }
  const files = (await buildVerifier()).map(({ name, sha256 }): readonly [string, string] => [name, sha256])
  return { version, files: Object.fromEntries(files) }
}

/** Writes both files, and their digests beside them as `sha256sum --check` reads them. */
export async function writeVerifier(folder: string): Promise<readonly VerifierFile[]> {
  const files = await buildVerifier()
  mkdirSync(folder, { recursive: true })
  for (const { name, text } of files) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'SHA256SUMS'), files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(''))
  return files
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(ROOT, 'dist', 'verifier')
  for (const { name, sha256 } of await writeVerifier(folder)) console.log(`${sha256}  ${name}`)
}
