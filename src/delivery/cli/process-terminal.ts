import { writeSync } from 'node:fs'
import { UsageError } from './refusal.ts'
import type { Terminal } from './terminal.ts'

/** Writes all of it before it returns: a process that ends right after has lost nothing, whatever the other end is. */
function writeAll(fd: 1 | 2, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A full pipe is waited for; one that nobody reads any more ends the answer quietly.
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/** The process's own standard streams. */
export function processTerminal(): Terminal {
  return {
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    async readInput(maxBytes) {
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of process.stdin) {
        size += (chunk as Buffer).length
        if (size > maxBytes) throw new UsageError(`standard input is longer than ${maxBytes} bytes`)
        chunks.push(chunk as Buffer)
      }
      return Buffer.concat(chunks)
    },
  }
}
