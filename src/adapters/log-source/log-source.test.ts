import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AppError, InvariantError } from '../../flows/app-error.ts'
import type { LogSource } from '../../flows/ports.ts'
import { systemTimers } from '../../system.ts'
import { fileLog, sampleEntry, writeLogFiles } from '../../../test/fixtures/log-files.ts'
import { blockingDirectorySource, directorySource } from './directory-source.ts'
import { httpSource } from './http-source.ts'

const { files } = fileLog(
  'gov.example.org/decisions',
  Array.from({ length: 300 }, (_, i) => sampleEntry(i)),
)

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const open = (url: string, token: string | null = null, timeoutMs = 5_000): LogSource =>
  httpSource({ url, token, timeoutMs, timers: systemTimers })

const isUnavailable = (error: unknown): boolean => error instanceof AppError && error.code === 'log-files-unavailable'

test('a directory and an address give the same files, and null for what is not there', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'log-source-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeLogFiles(directory, files)
  const url = await serve(t, (request, response) => {
    const bytes = files.get((request.url ?? '').replace('/log/decisions/', ''))
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
  })
  const places = [directorySource(directory), blockingDirectorySource(directory)]
  for (const source of [...places, open(`${url}/log/decisions`), open(`${url}/log/decisions/`)]) {
    for (const [path, bytes] of files)
      assert.deepEqual(Buffer.from((await source.read(path)) ?? []), Buffer.from(bytes))
    assert.equal(await source.read('tile/0/005'), null)
    assert.equal(await source.read(`blob/${'0'.repeat(64)}`), null)
    for (const path of ['../checkpoint', 'tile/0/5', '/etc/passwd', 'blob/x', ''])
      await assert.rejects(async () => source.read(path), InvariantError)
  }
})

test('a token goes to the address that it is for, and a redirect to no other host', async (t) => {
  const seen: (string | undefined)[] = []
  const other = await serve(t, (_request, response) => {
    seen.push('other')
    response.end('x')
  })
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization)
    if (request.url === '/away/checkpoint') response.writeHead(302, { location: `${other}/checkpoint` }).end()
    else if (request.url === '/moved/checkpoint') response.writeHead(301, { location: '/log/checkpoint' }).end()
    else if (request.url === '/circle/checkpoint') response.writeHead(302, { location: '/circle/checkpoint' }).end()
    else if (request.headers.authorization !== 'Bearer secret') response.writeHead(401).end()
    else response.end(files.get('checkpoint'))
  })
  assert.deepEqual(await open(`${url}/log`, 'secret').read('checkpoint'), new Uint8Array(files.get('checkpoint') ?? []))
  assert.deepEqual(
    await open(`${url}/moved`, 'secret').read('checkpoint'),
    new Uint8Array(files.get('checkpoint') ?? []),
  )
  await assert.rejects(open(`${url}/log`).read('checkpoint'), isUnavailable)
  await assert.rejects(open(`${url}/away`, 'secret').read('checkpoint'), isUnavailable)
  await assert.rejects(open(`${url}/circle`, 'secret').read('checkpoint'), isUnavailable)
  assert.ok(!seen.includes('other'))
  for (const address of ['ftp://x/y', 'https://user:word@x/y', 'https://x/y?z', 'https://x/y#z'])
    assert.throws(() => open(address), RangeError)
})

test('a server that never stops sending, never answers or only fails is left', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/endless/checkpoint') {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', more)
      more()
    } else if (request.url === '/broken/checkpoint') response.writeHead(503).end()
  })
  await assert.rejects(open(`${url}/endless`).read('checkpoint'), isUnavailable)
  await assert.rejects(open(`${url}/broken`).read('checkpoint'), isUnavailable)
  await assert.rejects(open(`${url}/silent`, null, 50).read('checkpoint'), isUnavailable)
  await assert.rejects(open('http://127.0.0.1:1').read('checkpoint'), isUnavailable)
})
