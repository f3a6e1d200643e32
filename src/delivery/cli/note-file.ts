import { readFileSync, statSync } from 'node:fs'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxBytes = 65_536

/** Reads a small text file: a note, a request, a certificate. @throws Refusal file-unreadable */
export function readNoteFile(file: string): string {
  try {
    if (statSync(file).size <= maxBytes) return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Refusal('file-unreadable', `${file} cannot be read: ${code ?? 'unknown'}`, {
      exit: exitCode.unknown,
      remedy: 'Check path and permissions.',
    })
  }
  throw new Refusal('file-unreadable', `${file} is larger than ${maxBytes} bytes`, { exit: exitCode.unknown })
}
