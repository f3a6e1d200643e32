import { readFileSync } from 'node:fs'
import { asSha256 } from './core/index.ts'
import type { VerifierRelease } from './flows/record/verifier-release.ts'

/** Where the built files lie: beside the compiled modules, or in `dist` of a clone that runs from its source. */
const folders = ['./verifier/', '../dist/verifier/']

/** The verifier that belongs to this software, by its digests; they are derived from the source and stand beside it. */
export function verifierRelease(): VerifierRelease {
  const text = readFileSync(new URL('./delivery/verify/verifier.json', import.meta.url), 'utf8')
  const { version, files } = JSON.parse(text) as { version: string; files: Record<string, string> }
  return {
    version,
    files: Object.fromEntries(Object.entries(files).map(([name, digest]) => [name, asSha256(digest)])),
  }
}

/** The bytes of one built file of the verifier; null where nobody built it. */
export function verifierFile(name: string): Uint8Array | null {
  for (const folder of folders) {
    try {
      return readFileSync(new URL(`${folder}${name}`, import.meta.url))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return null
}
