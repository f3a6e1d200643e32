import { readFileSync } from 'node:fs'
import { parseSync } from 'oxc-parser'

/** One node of the ESTree that oxc-parser returns, read structurally so that unknown node types are walked, not skipped. */
export type SyntaxNode = { readonly type: string; readonly start: number; readonly end: number } & Readonly<
  Record<string, unknown>
>

/** A source file as text and tree. */
export type SourceFile = { readonly path: string; readonly text: string; readonly program: SyntaxNode }

/**
 * Parses a TypeScript file.
 *
 * Errs: a file with a syntax error is never read as an empty one.
 * @throws Error naming the file when it does not parse.
 */
export function parseSource(absolutePath: string, path: string): SourceFile {
  const text = readFileSync(absolutePath, 'utf8')
  const result = parseSync(path, text, { sourceType: 'module' })
  const first = result.errors[0]
  if (first !== undefined) throw new Error(`${path}: does not parse: ${first.message}`)
  return { path, text, program: result.program as unknown as SyntaxNode }
}

/** The direct children of a node, in source order of its properties. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) children.push(...value.filter(isNode))
    else if (isNode(value)) children.push(value)
  }
  return children
}

/** True for objects that carry a node type. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** The text of a string literal or of a template without placeholders, otherwise undefined. */
export function literalText(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value']
  if (node.type !== 'TemplateLiteral') return undefined
  const quasis = node['quasis'] as readonly { value: { cooked: string } }[]
  return quasis.length === 1 ? quasis[0]?.value.cooked : undefined
}

/** The 1-based line of an offset. */
export function lineAt(file: SourceFile, offset: number): number {
  let line = 1
  for (let i = file.text.indexOf('\n'); i !== -1 && i < offset; i = file.text.indexOf('\n', i + 1)) line += 1
  return line
}
