/** Writes spec/vectors/facts/facts.json. Run it by hand when the format gains a case. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { FileChange } from '../../src/core/facts/facts.ts'
import { commit, facts, file, gitId } from '../fakes/governed-change.ts'

const added = (path: string): FileChange => ({ ...file(path), oldBlob: null, oldMode: null, oldPath: null })
const deleted = (path: string): FileChange => ({ ...file(path), newBlob: null, newMode: null, newPath: null })

/** Written out by hand and not by core: the vectors have to be able to disagree with it. */
const sha256 = (files: readonly FileChange[]): string =>
  createHash('sha256')
    .update(
      JSON.stringify(
        files.map(({ newBlob, newMode, newPath, oldBlob, oldMode, oldPath }) => ({
          newBlob,
          newMode,
          newPath,
          oldBlob,
          oldMode,
          oldPath,
        })),
      ),
    )
    .digest('hex')

const lists: readonly { name: string; files: readonly FileChange[] }[] = [
  { name: 'no file', files: [] },
  { name: 'one modified file', files: [file('a')] },
  { name: 'added, deleted, modified', files: [added('a'), deleted('b'), file('c')] },
  { name: 'a rename is two entries', files: [deleted('consensus/a.rs'), added('docs/a.md')] },
  { name: 'mode only', files: [{ ...file('run.sh'), newBlob: file('run.sh').oldBlob, newMode: '100755' }] },
  { name: 'names that JSON escapes', files: [file('a"b\\c\nd'), file('tab\t'), file('é'), file('日本'), file('😀')] },
  { name: 'order is by UTF-16 code unit', files: [file('\u{1F600}'), file('\uFF5E')] },
]

const good = facts()
const commits = good.commits
const broken: readonly { name: string; facts: unknown; expect: string }[] = [
  { name: 'good', facts: good, expect: 'ok' },
  { name: 'unknown member', facts: { ...good, extra: 1 }, expect: 'unknown-field' },
  { name: 'version', facts: { ...good, v: 2 }, expect: 'malformed-field' },
  { name: 'number zero', facts: { ...good, number: 0 }, expect: 'malformed-field' },
  { name: 'state', facts: { ...good, state: 'reopened' }, expect: 'malformed-field' },
  { name: 'draft as text', facts: { ...good, draft: 'false' }, expect: 'malformed-field' },
  { name: 'short head', facts: { ...good, head: { ...good.head, sha: 'abc' } }, expect: 'malformed-field' },
  { name: 'clean merge without tree', facts: { ...good, merge: { state: 'clean' } }, expect: 'missing-field' },
  {
    name: 'unknown merge with tree',
    facts: { ...good, merge: { state: 'unknown', tree: gitId('t') } },
    expect: 'unknown-field',
  },
  { name: 'files not sorted', facts: facts({ files: [file('b'), file('a')] }), expect: 'files-not-sorted' },
  { name: 'a path twice', facts: facts({ files: [file('a'), file('a')] }), expect: 'files-not-sorted' },
  {
    name: 'two names in one entry',
    facts: facts({ files: [{ ...file('a'), oldPath: 'b' }] }),
    expect: 'malformed-field',
  },
  {
    name: 'half a side',
    facts: facts({ files: [{ ...file('a'), oldBlob: null }] }),
    expect: 'malformed-field',
  },
  { name: 'other files', facts: { ...good, files: [file('docs/b.md')] }, expect: 'change-digest-mismatch' },
  {
    name: 'nobody with an account',
    facts: { ...good, commits: [{ ...commits[0], author: { account: 5, how: 'none' } }] },
    expect: 'malformed-field',
  },
  {
    name: 'somebody without an account',
    facts: { ...good, commits: [{ ...commits[0], author: { account: null, how: 'email' } }] },
    expect: 'malformed-field',
  },
  {
    name: 'unknown attribution',
    facts: { ...good, commits: [{ ...commits[0], sha: commit('x'), author: { account: 5, how: 'guess' } }] },
    expect: 'malformed-field',
  },
]

const folder = new URL('../../spec/vectors/facts/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(
  new URL('facts.json', folder),
  `${JSON.stringify(
    {
      about: 'changeDigest of lists of file changes (any order); checkFacts: `ok` or the reason code',
      changeDigest: lists.map(({ name, files }) => ({ name, files, sha256: sha256(files) })),
      checkFacts: broken,
    },
    null,
    1,
  )}\n`,
)
