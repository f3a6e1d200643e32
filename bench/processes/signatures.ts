/** Checks the signatures that a file lists, once, and says how long that took. */
import { readFileSync } from 'node:fs'
import { checkSignatures, type SignedMaterial } from '../signed-material.ts'
import { say } from './protocol.ts'

const material = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as SignedMaterial
const startedAt = performance.now()
try {
  checkSignatures(material)
  say({ kind: 'checked', ms: performance.now() - startedAt })
} catch (error) {
  say({ kind: 'failed', message: String(error) })
}
