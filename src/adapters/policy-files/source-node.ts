/** A place in a file of the governance repository; line and column count from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** YAML as its source says it: scalars are text, never numbers or dates, so that a key of digits stays what it is. */
export type SourceNode = SourceMap | SourceList | SourceScalar

/** A mapping. Of a nested one, `at` is the place of its key. */
export interface SourceMap {
  readonly kind: 'map'
  readonly at: Position
  readonly entries: ReadonlyMap<string, SourceEntry>
}

export interface SourceEntry {
  readonly keyAt: Position
  readonly value: SourceNode
}

/** A sequence. Of a nested one, `at` is the place of its key. */
export interface SourceList {
  readonly kind: 'list'
  readonly at: Position
  readonly items: readonly SourceNode[]
}

/** `isPlain`: written without quotes, so it may be read as a number or as true and false. */
export interface SourceScalar {
  readonly kind: 'scalar'
  readonly at: Position
  readonly text: string
  readonly isPlain: boolean
}
