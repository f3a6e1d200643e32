import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { decodeBundle } from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import { memoryLogFiles } from '../fakes/log-files.ts'
import { fileLog, sampleEntry } from '../fixtures/log-files.ts'
import { startServer } from './http-server.ts'

const entries = Array.from({ length: 300 }, (_, i) => sampleEntry(i))

test('every file has its type and its time to be kept; HEAD tells the same without the bytes', async (t) => {
  const { files } = fileLog('gov.example.org/decisions', entries)
  const blob = `blob/${'ab'.repeat(32)}`
  files.set(blob, Buffer.from('value'))
  const { url } = await startServer(t, { logFiles: memoryLogFiles(files) })
  const shapes = [
    ['checkpoint', 'text/plain; charset=utf-8', 'no-cache'],
    ['tile/0/000', 'application/octet-stream', 'public, max-age=31536000, immutable'],
    ['tile/0/001.p/44', 'application/octet-stream', 'public, max-age=31536000, immutable'],
    ['tile/entries/000', 'application/octet-stream', 'public, max-age=31536000, immutable'],
    [blob, 'application/octet-stream', 'public, max-age=86400'],
  ] as const
  for (const [path, type, kept] of shapes) {
    const [get, head] = [
      await fetch(`${url}/log/decisions/${path}`),
      await fetch(`${url}/log/decisions/${path}`, { method: 'HEAD' }),
    ]
    for (const answer of [get, head]) {
      assert.equal(answer.status, 200, path)
      assert.equal(answer.headers.get('content-type'), type)
      assert.equal(answer.headers.get('cache-control'), kept)
      assert.equal(answer.headers.get('content-length'), String(files.get(path)?.length))
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    }
    assert.deepEqual(new Uint8Array(await get.arrayBuffer()), new Uint8Array(files.get(path) ?? []))
    assert.equal((await head.arrayBuffer()).byteLength, 0)
  }
})

test('a partial file that is gone is cut from the full one; none is made up', async (t) => {
  const { files } = fileLog('gov.example.org/decisions', entries)
  const { url } = await startServer(t, { logFiles: memoryLogFiles(files) })
  const bytesOf = async (path: string) =>
    new Uint8Array(await (await fetch(`${url}/log/decisions/${path}`)).arrayBuffer())
  for (const width of [1, 7, 255]) {
    assert.deepEqual(
      await bytesOf(`tile/0/000.p/${width}`),
      new Uint8Array(files.get('tile/0/000') ?? []).slice(0, 32 * width),
    )
    const bundle = decodeBundle(await bytesOf(`tile/entries/000.p/${width}`), width)
    assert.deepEqual(
      bundle?.map((entry) => Buffer.from(entry).toString()),
      entries.slice(0, width).map((entry) => Buffer.from(entry).toString()),
    )
  }
  for (const path of ['tile/0/001.p/45', 'tile/entries/001.p/45', 'tile/1/000.p/2', 'tile/0/002.p/1'])
    assert.equal((await fetch(`${url}/log/decisions/${path}`)).status, 404, path)
})

test('a place that cannot be read is said to be ours to repair, and to be there again later', async (t) => {
  const read = async () => Promise.reject(new AppError('log-files-unavailable', '/data/log: EIO'))
  const { url } = await startServer(t, { logFiles: { read } })
  const answer = await fetch(`${url}/log/decisions/checkpoint`)
  assert.equal(answer.status, 503)
  assert.ok(answer.headers.has('retry-after'))
  assert.ok(!(await answer.text()).includes('/data'))
})

test('T04 one who asks for much and takes nothing holds a bounded share of memory, and others are served', async (t) => {
  const large = new Uint8Array(4 * 1024 * 1024)
  let reads = 0
  const read = async (path: string) => {
    reads += 1
    return path === 'checkpoint' ? new Uint8Array(8) : large
  }
  const { url, port } = await startServer(t, {
    logFiles: { read },
    http: { trustedProxies: ['127.0.0.1'] },
  })
  const path = `/log/decisions/blob/${'0'.repeat(64)}`
  const greedy = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const socket = connect(port, '127.0.0.1')
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n`)
      await once(socket, 'readable')
      const head = String(socket.read(12))
      socket.pause()
      return head
    }),
  )
  const taken = greedy.filter((head) => head === 'HTTP/1.1 200').length
  // Its share is full with two; reads that had begun by then end.
  assert.ok(taken >= 2 && taken <= 4, `${taken} answers are held`)
  assert.equal(greedy.filter((head) => head === 'HTTP/1.1 503').length, 12 - taken)
  assert.equal(reads, taken)
  const other = await fetch(`${url}${path}`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
  assert.equal((await other.arrayBuffer()).byteLength, large.length)
  assert.equal((await fetch(`${url}/log/decisions/checkpoint`)).status, 200)
})
