import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { countSteps } from '../../../test/fixtures/regexp-steps.ts'
import { compileGlobs, globFault } from './globs.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/policy/globs.json', import.meta.url), 'utf8'),
) as {
  readonly matches: readonly { pattern: string; path: string; matches: boolean }[]
  readonly refused: readonly { pattern: string; code: string }[]
}

test('every glob vector matches as written', () => {
  for (const { pattern, path, matches } of vectors.matches) {
    assert.equal(globFault(pattern), null, pattern)
    assert.equal(compileGlobs([pattern]).matches(path), matches, `${pattern} on ${path}`)
  }
})

test('every refused pattern has its code and cannot be compiled', () => {
  for (const { pattern, code } of vectors.refused) {
    assert.equal(globFault(pattern), code, JSON.stringify(pattern))
    assert.throws(() => compileGlobs(['a', pattern]), RangeError)
  }
})

/** The dialect by its definition, exponential and obvious: the reference for the compiled expression. */
function matchesByDefinition(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return path.length === 0
  if (head === '**') {
    const least = rest.length === 0 ? 1 : 0
    for (let taken = least; taken <= path.length; taken++) {
      if (matchesByDefinition(rest, path.slice(taken))) return true
    }
    return false
  }
  const [first, ...others] = path
  return first !== undefined && segmentMatches(head, first) && matchesByDefinition(rest, others)
}

function segmentMatches(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] !== '*') return text[0] === pattern[0] && segmentMatches(pattern.slice(1), text.slice(1))
  for (let taken = 0; taken <= text.length; taken++)
    if (segmentMatches(pattern.slice(1), text.slice(taken))) return true
  return false
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 5 })
const segment = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 1, maxLength: 5 })
const patternSegments = fc.array(fc.oneof(fc.constant('**'), segment), { minLength: 1, maxLength: 6 })

test('a compiled pattern decides as the definition does', () => {
  fc.assert(
    fc.property(patternSegments, fc.array(letters, { minLength: 1, maxLength: 6 }), (pattern, path) => {
      const text = pattern.join('/')
      fc.pre(globFault(text) === null)
      const expected = matchesByDefinition(pattern, path)
      const compiled = compileGlobs([text])
      assert.equal(compiled.matches(path.join('/')), expected, `${text} on ${path.join('/')}`)
      assert.equal(compiled.which(path.join('/')), expected ? text : null)
    }),
    { numRuns: 3000 },
  )
})

test('several patterns in one expression decide as each by itself', () => {
  fc.assert(
    fc.property(
      fc.array(patternSegments, { minLength: 1, maxLength: 5 }),
      fc.array(letters, { minLength: 1, maxLength: 5 }),
      (patterns, path) => {
        const texts = patterns.map((p) => p.join('/')).filter((text) => globFault(text) === null)
        const expected = texts.some((text) => compileGlobs([text]).matches(path.join('/')))
        assert.equal(compileGlobs(texts).matches(path.join('/')), expected)
      },
    ),
    { numRuns: 500 },
  )
})

const hostile = [
  '**/**/**/a',
  '**/a/**/a/**/a/**/a/**/b',
  'a*a*a*a*a*a*a*a*b',
  '**/a*a*a*a*b',
  '**/*a*a*/**/*a*a*/**/*a*b',
  '**/a/a/a/**/a/a/a/**/b*b',
  '*/**/*a/**/*a*a*a/**/c',
]

/** Paths on which a naive translation tries exponentially or polynomially many ways, of about `size` characters. */
const hostilePaths = (size: number): string[] => [
  'a'.repeat(size),
  'a/'.repeat(size / 2).slice(0, -1),
  'aaaa/'.repeat(size / 5).slice(0, -1),
  `${'a/'.repeat(size / 2)}c`,
]

test('matching is linear in the path: four times the path is about four times the steps of a backtracking engine', () => {
  for (const pattern of hostile) {
    const source = compileGlobs([pattern]).source ?? ''
    for (const index of hostilePaths(400).keys()) {
      const short = hostilePaths(400)[index] ?? ''
      const long = hostilePaths(1600)[index] ?? ''
      const steps = countSteps(source, short)
      assert.equal(steps.matched, compileGlobs([pattern]).matches(short))
      const more = countSteps(source, long)
      assert.ok(more.steps <= 5 * steps.steps + 500, `${pattern}: ${steps.steps} then ${more.steps} steps`)
    }
  }
})

test('the step counter sees what a naive expression costs', () => {
  const few = countSteps('^(?:[^\\/]*a[^\\/]*a[^\\/]*a[^\\/]*b)$', 'a'.repeat(10)).steps
  const many = countSteps('^(?:[^\\/]*a[^\\/]*a[^\\/]*a[^\\/]*b)$', 'a'.repeat(40)).steps
  assert.ok(many > 20 * few)
})
