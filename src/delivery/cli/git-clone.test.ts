import assert from 'node:assert/strict'
import test from 'node:test'
import { Refusal } from './refusal.ts'
import { parseRawDiff } from './git-clone.ts'

const [a, b, zero] = ['a'.repeat(40), 'b'.repeat(40), '0'.repeat(40)]
const read = (text: string) => parseRawDiff(Buffer.from(text))

test('git’s raw difference becomes the list that a change digest names', () => {
  assert.deepEqual(
    read(
      `:100644 100755 ${a} ${b} M\0bin/run\0:000000 100644 ${zero} ${b} A\0new\tname\0:120000 000000 ${a} ${zero} D\0old\0`,
    ),
    [
      { oldPath: 'bin/run', newPath: 'bin/run', oldMode: '100644', newMode: '100755', oldBlob: a, newBlob: b },
      { oldPath: null, newPath: 'new\tname', oldMode: null, newMode: '100644', oldBlob: null, newBlob: b },
      { oldPath: 'old', newPath: null, oldMode: '120000', newMode: null, oldBlob: a, newBlob: null },
    ],
  )
  assert.deepEqual(read(''), [])
})

test('what git does not write is refused, not skipped', () => {
  for (const text of [
    `:100644 100644 ${a} ${b} R100\0x\0y\0`,
    `:100644 100644 ${a} ${b} U\0x\0`,
    `:100644 100644 ${a.slice(1)} ${b} M\0x\0`,
    `junk\0x\0`,
    `:100644 100644 ${a} ${b} M\0\0`,
  ])
    assert.throws(() => read(text), Refusal, text)
  assert.throws(
    () => parseRawDiff(Buffer.concat([Buffer.from(`:100644 100644 ${a} ${b} M\0`), Buffer.from([0xff, 0])])),
    Refusal,
  )
})
