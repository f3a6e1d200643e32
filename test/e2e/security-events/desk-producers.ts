import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../../src/adapters/store/sqlite-connection.ts'
import { openKeystore } from '../../../src/adapters/custody/encrypted-file.ts'
import { databaseKeyName, dataFiles } from '../../../src/compose-deployment.ts'
import { type Desk, until } from '../cli-deployment.ts'
import { desk } from './producer.ts'

const governance = 'acme/governance'

async function good(d: Desk, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await d.cli(...args, '--config', d.config)
  assert.equal(code, 0, stderr)
  return stdout
}

const init = async (d: Desk): Promise<void> => {
  const made = await d.cli(...d.initArgs())
  assert.equal(made.code, 0, made.stderr)
}

/** Takes away what the newest migrations made, as an older version left the database. */
async function asOlderVersion(d: Desk): Promise<void> {
  const { database, keystore } = dataFiles(d.dataDirectory)
  const unlock = { kind: 'key', bytes: readFileSync(join(d.folder, 'unlock.key')) } as const
  const custody = await openKeystore({ file: keystore, unlock })
  const db = connect(database, await custody.reveal(databaseKeyName), 'write')
  for (const table of ['entries', 'nodes', 'checkpoints', 'head']) db.exec(`drop table security_${table}`)
  db.exec(
    'drop trigger blobs_stay_erased; drop table erased_blobs; drop table release_statements; drop table cosigned_heads',
  )
  db.exec('delete from schema_migrations where number >= 2')
  db.close()
}

/** Pushes other policy files to the governance branch, as only somebody with all rights can. */
function pushPolicy(d: Desk, path: string, change: (text: string) => string): void {
  const text = readFileSync(join(d.folder, 'policy', path), 'utf8')
  d.fake.commit(governance, 'main', {
    author: 'admin',
    message: 'policy',
    files: { [path]: change(text) },
    by: 'admin',
    bypass: true,
  })
}

const layer5 = 'config/maintainers/layer-5.yml'
const reason = ['--reason', 'five of seven keyholders are gone', '--yes']
const regenesis = (d: Desk) => d.cli('policy', 'regenesis', '--config', d.config, ...reason)

async function withServer(d: Desk, act: () => Promise<void>): Promise<void> {
  const server = await d.serve()
  try {
    await act()
  } finally {
    await server.stop()
  }
}

/** The files of the database as they are now; returns what puts them back. No process may have them open. */
function keepDatabase(d: Desk): () => void {
  const isOfDatabase = (name: string): boolean => name.startsWith('governance.db') && !name.endsWith('.lock')
  const names = (): string[] => readdirSync(d.dataDirectory).filter(isOfDatabase)
  const kept = names().map((name) => [name, readFileSync(join(d.dataDirectory, name))] as const)
  return () => {
    for (const name of names()) rmSync(join(d.dataDirectory, name))
    for (const [name, bytes] of kept) writeFileSync(join(d.dataDirectory, name), bytes, { mode: 0o600 })
  }
}

interface SaidOfRefusal {
  readonly code: string
  readonly size: number
  readonly known: number
}

/** An older database under newer published files: a backup was restored. It is said meanwhile, and an entry afterwards. */
async function startRolledBack(d: Desk): Promise<void> {
  const putBackOlder = keepDatabase(d)
  await withServer(d, async () => {})
  const putBackNewest = keepDatabase(d)
  putBackOlder()
  const json = ['--json', '--config', d.config]
  for (let tries = 0; tries < 2; tries++) {
    const refused = await d.cli('serve', '--config', d.config)
    assert.match(refused.stderr, /\(log-ahead\)/)
  }
  const listed = JSON.parse((await d.cli('audit', 'list', ...json)).stdout) as {
    readonly index: number | null
    readonly eventType: string
    readonly details: SaidOfRefusal
  }[]
  const waiting = listed.filter(({ index }) => index === null)
  assert.deepEqual(
    waiting.map(({ eventType, details }) => [eventType, details.code]),
    [['log-signing-refused', 'log-ahead']],
    'it is listed before any log may hold it, once',
  )
  const { log } = JSON.parse((await d.cli('status', ...json)).stdout) as {
    readonly log: { readonly size: number; readonly signingRefused: SaidOfRefusal }
  }
  assert.deepEqual(log.signingRefused, waiting[0]?.details)
  assert.ok(log.size === log.signingRefused.size && log.signingRefused.known > log.size)
  assert.match((await d.cli('status', '--config', d.config)).stdout, /^signing +REFUSED \(log-ahead\)/m)
  putBackNewest()
  await withServer(d, async () => {})
}

/** What is caused at the command line, in this order on one deployment. */
export const deskProducers = {
  'key-created': desk(init),
  'maintainer-key-added': desk(init),
  'policy-in-force': desk(init),
  'repository-enrolled': desk(
    async (d) =>
      void (await good(
        d,
        'repo',
        'enrol',
        'acme/node',
        '--apply',
        '--admin-token-file',
        join(d.folder, 'admin-token'),
      )),
  ),
  'doctor-run': desk(async (d) => void (await d.cli('doctor', '--config', d.config))),
  'audit-read': desk(async (d) => void (await good(d, 'audit', 'list', '--limit', '1'))),
  'audit-exported': desk(async (d) => {
    const folder = join(d.folder, 'archive')
    const args = ['--since', '2020-01-01', '--format', 'entries', '--out', folder, '--json']
    const { key } = JSON.parse(await good(d, 'audit', 'export', ...args)) as { key: string }
    const { code, stdout } = await d.cli('verify', 'export', folder, '--key', key)
    assert.equal(code, 0, stdout)
  }),
  'delivery-replayed': desk((d) =>
    withServer(d, async () => {
      d.fake.commit('acme/node', 'feature', { files: { 'rpc/methods.ts': '1\n' }, author: 'alice', from: 'main' })
      d.fake.openPullRequest({ repo: 'acme/node', head: 'feature', author: 'alice', title: 'feat: a' })
      const done = async () =>
        JSON.parse(await good(d, 'deliveries', 'list', '--state', 'done', '--json')) as {
          deliveries: { guid: string; event: string }[]
        }
      await until(async () => (await done()).deliveries.length > 0)
      const [first] = (await done()).deliveries
      await good(d, 'deliveries', 'replay', first?.guid ?? '')
    }),
  ),
  'evidence-exported': desk(async (d) => void (await good(d, 'evidence', 'export', 'acme/node#1'))),
  'trust-exported': desk(async (d) => void (await good(d, 'trust', 'export'))),
  'blob-erased': desk(async (d) => {
    const evidence = JSON.parse(await good(d, 'evidence', 'export', 'acme/node#1')) as {
      readonly entries: readonly {
        readonly entry: { readonly type: string; readonly data: { readonly verdict: string } }
      }[]
    }
    const verdict = evidence.entries.find(({ entry }) => entry.type === 'verdict')
    await good(d, 'log', 'erase', verdict?.entry.data.verdict ?? '', '--reason', 'a person asked for it', '--yes')
  }),
  'log-signing-refused': desk(startRolledBack),
  'log-key-succeeded': desk(async (d) => {
    const origin = 'gov.example.org/decisions'
    const made = await d.cli('log', 'root', 'create', '--origin', origin, '--json')
    const { root, secret } = JSON.parse(made.stdout) as { root: string; secret: string }
    const rootFile = join(d.folder, 'root.secret')
    writeFileSync(rootFile, secret, { mode: 0o600 })
    for (const generation of ['one', 'two']) {
      const file = join(d.folder, generation)
      writeFileSync(file, await good(d, 'log', 'key', 'request'))
      const certified = await d.cli('log', 'root', 'certify', file, '--root-file', rootFile, '--yes')
      writeFileSync(file, certified.stdout)
      await good(d, 'log', 'key', 'apply', file, '--root', root)
    }
  }),
  'policy-refused': desk(async (d) => {
    pushPolicy(d, layer5, (text) => text.replace(/public_key: .*/, 'public_key: "0x02[PLACEHOLDER_64_CHAR_HEX]"'))
    assert.equal((await regenesis(d)).code, 1)
  }),
  'maintainer-key-changed': desk(async (d) => {
    pushPolicy(d, layer5, (text) => text.replace(/^( +)(public_key: .*)$/m, '$1$2\n$1expires: 2099-01-01T00:00:00Z'))
    const done = await regenesis(d)
    assert.equal(done.code, 0, done.stderr)
  }),
  'maintainer-key-revoked': desk(async (d) => {
    pushPolicy(d, layer5, (text) =>
      text.replace(/^( +)(public_key: .*)$/m, '$1$2\n$1compromised_since: 2026-01-01T00:00:00Z'),
    )
    const done = await regenesis(d)
    assert.equal(done.code, 0, done.stderr)
  }),
  'policy-regenesis': desk(async (d) => {
    pushPolicy(d, layer5, (text) => text)
    const done = await regenesis(d)
    assert.equal(done.code, 0, done.stderr)
  }),
  'server-refused': desk(async (d) => {
    const text = readFileSync(d.config, 'utf8')
    writeFileSync(d.config, text.replace(/sha256:[0-9a-f]{64}/, `sha256:${'0123456789abcdef'.repeat(4)}`))
    assert.notEqual((await d.cli('serve', '--config', d.config)).code, 0)
    writeFileSync(d.config, text)
  }),
  'db-migrated': desk(async (d) => {
    await asOlderVersion(d)
    await good(d, 'db', 'migrate')
  }),
} as const
