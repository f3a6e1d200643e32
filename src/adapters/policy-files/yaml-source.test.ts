import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newReading } from './faults.ts'
import type { SourceMap } from './source-node.ts'
import { maxFileBytes, parseYamlFile } from './yaml-source.ts'

function codesOf(content: string | Uint8Array): string[] {
  const reading = newReading()
  const root = parseYamlFile(reading, 'a.yml', content)
  assert.equal(root === null, reading.faults.length > 0)
  return reading.faults.map(({ code, line }) => `${code} ${line}`)
}

test('scalars are source text, never numbers, dates or booleans', () => {
  const reading = newReading()
  const texts = [
    '0x0212',
    '0335573',
    '1e999',
    '2025-01-01',
    'true',
    'null',
    '0b1',
    '1_000',
    '.inf',
    '~',
    '12345678901234567890',
  ]
  const root = parseYamlFile(reading, 'a.yml', texts.map((text, i) => `k${i}: ${text}\n`).join('')) as SourceMap
  for (const [i, text] of texts.entries()) {
    const value = root.entries.get(`k${i}`)?.value
    assert.ok(value?.kind === 'scalar' && value.text === text && value.isPlain, text)
  }
})

test('places are those of the key for what is nested and of the value for what is not', () => {
  const root = parseYamlFile(newReading(), 'a.yml', '# c\na:\n  b: 1\n  c:\n    - x\n') as SourceMap
  const a = root.entries.get('a')?.value
  assert.ok(a?.kind === 'map')
  assert.deepEqual(a.at, { file: 'a.yml', line: 2, column: 1 })
  assert.deepEqual(a.entries.get('b')?.value.at, { file: 'a.yml', line: 3, column: 6 })
  assert.deepEqual(a.entries.get('c')?.value.at, { file: 'a.yml', line: 4, column: 3 })
})

test('what YAML allows and a policy does not is refused with its line', () => {
  assert.deepEqual(codesOf('a: 1\nb: 2\na: 3\n'), ['yaml-duplicate-key 3'])
  assert.deepEqual(codesOf('a: 1\n"a": 3\n'), ['yaml-duplicate-key 2'])
  assert.deepEqual(codesOf('a: &x 1\nb: 2\n'), ['yaml-anchor 1'])
  assert.deepEqual(codesOf('a: &x 1\nb: *x\n'), ['yaml-anchor 1'])
  assert.deepEqual(codesOf('<<: {a: 1}\n'), ['yaml-merge 1'])
  assert.deepEqual(codesOf('a: !!int 3\nb: !x y\n'), ['yaml-syntax 1'])
  assert.deepEqual(codesOf('a: 1\nb: !x y\n'), ['yaml-syntax 2'])
  assert.deepEqual(codesOf('[a]: 1\n'), ['yaml-key 1'])
  assert.deepEqual(codesOf('a: 1\n---\nb: 2\n'), ['yaml-syntax 2'])
  assert.deepEqual(codesOf('a: [1\n'), ['yaml-syntax 2'])
  assert.deepEqual(codesOf('- a\n'), ['wrong-type 1'])
  assert.deepEqual(codesOf(''), ['wrong-type 1'])
})

test('an alias bomb, a deep file and a big file are refused in bounded time', () => {
  const bomb = `a: &a [x,x]\n${'bcdefghij'.replace(/./g, (c) => {
    const before = String.fromCharCode(c.charCodeAt(0) - 1)
    return `${c}: &${c} [*${before},*${before},*${before},*${before}]\n`
  })}`
  assert.deepEqual(codesOf(bomb), ['yaml-anchor 1'])
  assert.deepEqual(codesOf(`a: ${'['.repeat(100_000)}`), ['yaml-too-deep 1'])
  const deep = Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')
  assert.equal(codesOf(`${deep} 1\n`)[0]?.split(' ')[0], 'yaml-too-deep')
  assert.deepEqual(codesOf(`a: ${'x'.repeat(maxFileBytes)}`), ['file-too-big 1'])
  const many = Array.from({ length: 30_000 }, (_, i) => `k${i}: 1`).join('\n')
  assert.deepEqual(codesOf(many), ['file-too-big 1'].slice(many.length > maxFileBytes ? 0 : 1))
})

test('bytes that are no UTF-8 are refused, carriage returns and a byte order mark are not', () => {
  assert.deepEqual(codesOf(Uint8Array.of(0x61, 0x3a, 0x20, 0xff)), ['not-utf-8 1'])
  assert.deepEqual(codesOf('a: 1\r\nb: 2\r\n'), [])
  assert.deepEqual(codesOf(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0x3a, 0x20, 0x31)), [])
})
