import { childrenOf, isNode } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** A name that a module uses as a value without declaring it, with the node around it. */
export type FreeName = { readonly name: string; readonly node: SyntaxNode; readonly parent: SyntaxNode }

/**
 * Every use of a value that no enclosing scope of the module declares: what it takes from the world.
 *
 * Errs: towards reporting. `declare const x` declares nothing that exists, and `var` counts only in its own block.
 */
export function freeNames(program: SyntaxNode): FreeName[] {
  const found: FreeName[] = []
  const visit = (node: SyntaxNode, parent: SyntaxNode, scopes: readonly ReadonlySet<string>[]): void => {
    if (node.type === 'Identifier') {
      const name = node['name'] as string
      if (!scopes.some((scope) => scope.has(name))) found.push({ name, node, parent })
    }
    const declared = declaredIn(node)
    const inner = declared.length === 0 ? scopes : [...scopes, new Set(declared)]
    for (const child of valueChildren(node)) visit(child, node, inner)
  }
  visit(program, program, [])
  return found
}

/** TypeScript nodes that wrap an expression; every other node named `TS…` is erased before it could act. */
const EXPRESSION_WRAPPERS = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
])

function valueChildren(node: SyntaxNode): SyntaxNode[] {
  if (node['declare'] === true) return []
  const skipped = new Set<unknown>()
  const skip = (key: string): unknown => skipped.add(node[key])
  switch (node.type) {
    case 'ImportDeclaration':
    case 'MetaProperty':
    case 'ExportAllDeclaration':
      return []
    case 'ExportNamedDeclaration':
      if (node['source'] !== null || node['exportKind'] === 'type') return []
      break
    case 'ExportSpecifier':
      return node['exportKind'] === 'type' ? [] : [node['local']].filter(isNode)
    case 'MemberExpression':
      if (node['computed'] !== true) skip('property')
      break
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'AccessorProperty':
      if (node['computed'] !== true) skip('key')
      break
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      skip('label')
      break
    default:
  }
  return childrenOf(node).filter((child) => {
    if (skipped.has(child)) return false
    return !child.type.startsWith('TS') || EXPRESSION_WRAPPERS.has(child.type)
  })
}

function declaredIn(node: SyntaxNode): string[] {
  switch (node.type) {
    case 'Program':
    case 'BlockStatement':
    case 'StaticBlock':
      return (node['body'] as SyntaxNode[]).flatMap(declaredBy)
    case 'SwitchStatement':
      return (node['cases'] as SyntaxNode[]).flatMap((one) => (one['consequent'] as SyntaxNode[]).flatMap(declaredBy))
    case 'ForStatement':
      return isNode(node['init']) ? declaredBy(node['init']) : []
    case 'ForInStatement':
    case 'ForOfStatement':
      return isNode(node['left']) ? declaredBy(node['left']) : []
    case 'CatchClause':
      return patternNames(node['param'])
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return ['arguments', ...patternNames(node['id']), ...(node['params'] as unknown[]).flatMap(patternNames)]
    case 'ClassDeclaration':
    case 'ClassExpression':
      return patternNames(node['id'])
    default:
      return []
  }
}

function declaredBy(statement: SyntaxNode): string[] {
  if (statement['declare'] === true) return []
  switch (statement.type) {
    case 'VariableDeclaration':
      return (statement['declarations'] as SyntaxNode[]).flatMap((one) => patternNames(one['id']))
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return patternNames(statement['id'])
    case 'ImportDeclaration':
      return (statement['specifiers'] as SyntaxNode[]).flatMap((one) => patternNames(one['local']))
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return isNode(statement['declaration']) ? declaredBy(statement['declaration']) : []
    default:
      return []
  }
}

function patternNames(pattern: unknown): string[] {
  if (!isNode(pattern)) return []
  switch (pattern.type) {
    case 'Identifier':
      return [pattern['name'] as string]
    case 'ObjectPattern':
      return (pattern['properties'] as SyntaxNode[]).flatMap((one) =>
        patternNames(one.type === 'RestElement' ? one : one['value']),
      )
    case 'ArrayPattern':
      return (pattern['elements'] as unknown[]).flatMap(patternNames)
    case 'AssignmentPattern':
      return patternNames(pattern['left'])
    case 'RestElement':
      return patternNames(pattern['argument'])
    default:
      return []
  }
}
