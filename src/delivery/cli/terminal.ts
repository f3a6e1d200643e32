/** Where a command speaks and listens. */
export interface Terminal {
  /** The command's own answer. */
  out(text: string): void
  /** Everything else: diagnostics, progress, what to do next. */
  err(text: string): void
  /** Whether a person sits there who can be asked. */
  readonly isInteractive: boolean
  /** Everything that stands on standard input, at most `maxBytes`. */
  readInput(maxBytes: number): Promise<Uint8Array>
}

/** Lines of cells, each column as wide as its widest cell; the last one is not padded. */
export function aligned(rows: readonly (readonly string[])[], gap = 2): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + gap)))
        .join('')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

/** A count with its word: `1 error`, `2 errors`. */
export const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

/** Prints one JSON value, and nothing else, on standard output. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}
