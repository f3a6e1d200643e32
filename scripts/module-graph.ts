import { existsSync, readdirSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { childrenOf, isNode, lineAt, literalText, parseSource } from './syntax-tree.ts'
import type { SourceFile, SyntaxNode } from './syntax-tree.ts'

/** Where an import leads: a file of the repository, an npm package, a module of Node, or nowhere that can be known. */
export type ImportTarget =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'npm'; readonly name: string }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'unreadable'; readonly reason: string }

/** One place where a module names another, whether its value or only its type. */
export type Import = { readonly line: number; readonly target: ImportTarget }

/** A source file with everything it imports. */
export type Module = { readonly file: SourceFile; readonly imports: readonly Import[] }

/** Reads every TypeScript module below a folder of the repository, sorted by path. */
export function readModules(root: string, folder: string): Module[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => posix.join(folder, entry.parentPath.slice(join(root, folder).length), entry.name))
    .sort()
    .map((path) => {
      const file = parseSource(join(root, path), path)
      return { file, imports: importsOf(root, file) }
    })
}

/** Every import of a file: static, side-effect, dynamic, re-export, type-only, `import('x').T`, `require`, `new URL(…, import.meta.url)`. */
function importsOf(root: string, file: SourceFile): Import[] {
  const found: Import[] = []
  const visit = (node: SyntaxNode): void => {
    const named = namedModule(node)
    if (named !== undefined) {
      const text = literalText(named.specifier)
      const target =
        text === undefined
          ? ({ kind: 'unreadable', reason: 'the imported module is computed; name it with a literal' } as const)
          : resolve(root, file.path, text)
      if (text !== undefined || named.isImport) found.push({ line: lineAt(file, node.start), target })
    }
    for (const child of childrenOf(node)) visit(child)
  }
  visit(file.program)
  return found
}

function namedModule(node: SyntaxNode): { specifier: unknown; isImport: boolean } | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return { specifier: node['source'], isImport: true }
    case 'ExportNamedDeclaration':
      return node['source'] === null ? undefined : { specifier: node['source'], isImport: true }
    case 'TSExternalModuleReference':
      return { specifier: node['expression'], isImport: true }
    case 'CallExpression':
      return isIdentifier(node['callee'], 'require') ? { specifier: argumentsOf(node)[0], isImport: true } : undefined
    case 'NewExpression': {
      const [specifier, base] = argumentsOf(node)
      const besideModule = isNode(base) && childrenOf(base).some((child) => child.type === 'MetaProperty')
      return isIdentifier(node['callee'], 'URL') && besideModule && literalText(specifier)?.endsWith('.ts') === true
        ? { specifier, isImport: false }
        : undefined
    }
    default:
      return undefined
  }
}

function argumentsOf(node: SyntaxNode): readonly unknown[] {
  return node['arguments'] as readonly unknown[]
}

function isIdentifier(node: unknown, name: string): boolean {
  return isNode(node) && node.type === 'Identifier' && node['name'] === name
}

function resolve(root: string, from: string, specifier: string): ImportTarget {
  if (specifier.startsWith('.')) {
    const path = posix.join(dirname(from), specifier)
    return existsSync(join(root, path)) && posix.extname(path) !== ''
      ? { kind: 'file', path }
      : { kind: 'unreadable', reason: `${specifier} is no file; write the path with its extension` }
  }
  if (specifier.startsWith('node:')) return { kind: 'node', name: specifier.slice('node:'.length) }
  if (isBuiltin(specifier)) return { kind: 'unreadable', reason: `write node:${specifier}` }
  if (/^[@a-z0-9]/i.test(specifier) && !specifier.includes(':')) {
    const parts = specifier.split('/')
    return { kind: 'npm', name: specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier) }
  }
  return { kind: 'unreadable', reason: `${specifier} is neither relative, nor npm, nor node:` }
}
