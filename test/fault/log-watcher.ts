/** Somebody outside who looks at the published files again and again, and holds the log to every head that was ever shown. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { directorySource } from '../../src/adapters/log-source/directory-source.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { type Checkpoint, equalBytes, noteVerifierKey, treeHasher, verifyCheckpoint } from '../../src/core/index.ts'
import { readClaimedHead } from '../../src/flows/record/follow-log.ts'
import { entriesOf } from '../../src/flows/record/log-source.ts'
import { openLogTree } from '../../src/flows/record/log-tree.ts'

const lookEveryMs = 10

export interface LogWatcher {
  /** How many different heads were seen. */
  readonly seen: number
  /** What is shown now has all its files: right edge and every entry. @throws AssertionError */
  checkShown(): Promise<Checkpoint | null>
  /** Every head that was ever seen is the beginning of the log as it stands now. @throws AssertionError */
  checkAll(): Promise<void>
  stop(): void
}

export function watchLog(directory: string, origin: string, logKey: Uint8Array): LogWatcher {
  const key = noteVerifierKey(origin, logKey)
  const source = directorySource(directory)
  const hasher = treeHasher(acceleration)
  const notes = new Map<string, Checkpoint>()
  const faults: string[] = []
  const look = (): void => {
    let note: string
    try {
      note = readFileSync(join(directory, 'checkpoint'), 'utf8')
    } catch {
      return
    }
    if (notes.has(note)) return
    const verified = verifyCheckpoint(note, origin, [key])
    if (verified.ok) notes.set(note, verified.checkpoint)
    else faults.push(`a head is shown that does not verify: ${verified.code}`)
  }
  const timer = setInterval(look, lookEveryMs)
  timer.unref()

  async function shownTree() {
    const head = await readClaimedHead(source, { origin, keys: [key], root: null })
    if (!head.ok && head.fault.code === 'checkpoint-missing') return null
    assert.ok(head.ok, JSON.stringify(head))
    const tree = await openLogTree(source, head.value.checkpoint, hasher)
    assert.ok(tree.ok, `the head of size ${head.value.checkpoint.size} lacks its files: ${JSON.stringify(tree)}`)
    return tree.value
  }

  return {
    get seen() {
      return notes.size
    },
    async checkShown() {
      look()
      const tree = await shownTree()
      return tree?.checkpoint ?? null
    },
    async checkAll() {
      look()
      assert.deepEqual(faults, [])
      const tree = await shownTree()
      assert.ok(tree !== null, 'nothing is published')
      for (const { size, root } of notes.values()) {
        assert.ok(size <= tree.checkpoint.size, `a head of size ${size} was shown, and the log is shorter now`)
        const then = await tree.rootAt(size)
        assert.ok(then.ok, JSON.stringify(then))
        assert.ok(
          equalBytes(then.value, root),
          `the head of size ${size} that was shown is not the beginning of the log`,
        )
      }
      const { size } = tree.checkpoint
      for await (const range of entriesOf(source, tree.checkpoint, { from: 0, to: size }, acceleration))
        assert.ok(range.ok, JSON.stringify(range))
    },
    stop: () => clearInterval(timer),
  }
}
