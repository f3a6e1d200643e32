import {
  decodeHex,
  ed25519PublicKey,
  encodeHex,
  noteVerifierKey,
  rootKeyName,
  sha256Hex,
  type VerifierKey,
} from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { askSecret } from './prompts.ts'
import { Refusal } from './refusal.ts'
import { readSecretFile } from './secret-file.ts'
import type { Terminal } from './terminal.ts'

const checkDigits = 8
const groupsOf = (text: string): readonly string[] => text.match(/.{1,4}/g) ?? []
const checkOf = (hex: string): string =>
  sha256Hex(new TextEncoder().encode(`governance root ${hex}`)).slice(0, checkDigits)

/** The secret of a root as people write it down: 18 groups of four hex digits, the last two of which check the others. */
export function formatRootSecret(seed: Uint8Array): string {
  const hex = encodeHex(seed)
  const groups = groupsOf(hex + checkOf(hex))
  return [0, 6, 12].map((from) => groups.slice(from, from + 6).join(' ')).join('\n')
}

/** Reads what `formatRootSecret` wrote, whatever its spaces. @throws Refusal root-secret, which quotes nothing of it */
function parseRootSecret(text: string): Uint8Array {
  const hex = text.replaceAll(/\s/g, '').toLowerCase()
  const seed = decodeHex(hex.slice(0, 64))
  if (seed?.length === 32 && hex.slice(64) === checkOf(hex.slice(0, 64))) return seed
  throw new Refusal('root-secret', 'this is not the secret of a root, or a digit of it is wrong', {
    exit: exitCode.unknown,
    remedy: 'It is 18 groups of four hex digits, as `governance log root create` printed them.',
  })
}

/** The secret from a file, or asked for. @throws Refusal, UsageError naming the flag */
export async function readRootSecret(terminal: Terminal, file: string | undefined): Promise<Uint8Array> {
  const text =
    file === undefined
      ? await askSecret(terminal, 'Secret of the root', '--root-file')
      : new TextDecoder().decode(readSecretFile(file))
  return parseRootSecret(text)
}

/** The public half of a root, under the name that certificates carry. */
export const rootKeyOf = (origin: string, seed: Uint8Array): VerifierKey =>
  noteVerifierKey(rootKeyName(origin), ed25519PublicKey(seed))
