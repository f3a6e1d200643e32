import { readFileSync, statSync } from 'node:fs'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

/** Reads a file of at most `maxBytes`. @throws Refusal file-unreadable */
export function readRecordFile(file: string, maxBytes: number): Uint8Array {
  try {
    if (statSync(file).size <= maxBytes) return readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Refusal('file-unreadable', `${file} cannot be read: ${code ?? 'unknown'}`, {
      exit: exitCode.unknown,
      remedy: 'Check path and permissions.',
    })
  }
  throw new Refusal('file-unreadable', `${file} is larger than ${maxBytes} bytes`, { exit: exitCode.unknown })
}
