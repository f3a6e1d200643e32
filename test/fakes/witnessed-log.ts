/** A small log with real keys, and a real witness on loopback before it: what tests of witnesses share. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openFileWitnessState } from '../../src/adapters/witness-state/file-witness-state.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import {
  appendLeaf,
  asInstant,
  ed25519PublicKey,
  emptyFrontier,
  encodeUtf8,
  formatVerifierKey,
  formatWitnessKey,
  frontierRoot,
  noteVerifierKey,
  sha256,
  signCheckpoint,
  signEd25519,
  treeHasher,
  type VerifierKey,
  type WitnessKey,
  witnessKey,
} from '../../src/core/index.ts'
import { createWitnessServer } from '../../src/delivery/http/witness-server.ts'
import type { Custody, WitnessState } from '../../src/flows/ports.ts'
import { createWitness, type Witness } from '../../src/flows/record/witness.ts'

const hasher = treeHasher()
export const seedOf = (text: string): Uint8Array => sha256(encodeUtf8(text))

/** A log in memory. `name` makes its entries: two logs of one name are equal as far as both go. */
export interface SampleLog {
  readonly origin: string
  readonly key: VerifierKey
  readonly vkey: string
  readonly size: number
  append(count: number): void
  /** The signed head now. */
  head(): string
  node(level: number, index: number): Promise<Uint8Array | null>
}

export function sampleLog(
  origin: string,
  options: { readonly entries?: string; readonly secret?: string | Uint8Array } = {},
): SampleLog {
  const secret = options.secret ?? `log ${origin}`
  const seed = typeof secret === 'string' ? seedOf(secret) : secret
  const key = noteVerifierKey(origin, ed25519PublicKey(seed))
  const nodes = new Map<string, Uint8Array>()
  let frontier = emptyFrontier
  return {
    origin,
    key,
    vkey: formatVerifierKey(key),
    get size() {
      return frontier.size
    },
    append(count) {
      for (let i = 0; i < count; i++) {
        const leaf = hasher.leaf(encodeUtf8(`${options.entries ?? ''} ${frontier.size}`))
        frontier = appendLeaf(frontier, leaf, hasher, (level, index, hash) => void nodes.set(`${level}/${index}`, hash))
      }
    },
    head: () => signCheckpoint({ origin, size: frontier.size, root: frontierRoot(frontier, hasher) }, seed),
    node: async (level, index) => nodes.get(`${level}/${index}`) ?? null,
  }
}

/** Custody that holds one Ed25519 key, whatever it is called. */
function custodyOf(seed: Uint8Array): Pick<Custody, 'sign' | 'publicKey'> {
  return { sign: async (_name, message) => signEd25519(seed, message), publicKey: async () => ed25519PublicKey(seed) }
}

export const temporaryDirectory = (t: Pick<TestContext, 'after'>): string => {
  const directory = mkdtempSync(join(tmpdir(), 'governance-witness-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface SampleWitness {
  readonly name: string
  readonly key: WitnessKey
  readonly vkey: string
  readonly witness: Witness
  readonly state: WitnessState
  readonly url: string
  stop(): Promise<void>
}

let witnesses = 0

/** Starts a witness that watches these logs. Its clock stands at `at` seconds. */
export async function startWitness(
  t: Pick<TestContext, 'after'>,
  logs: readonly Pick<SampleLog, 'origin' | 'key'>[],
  options: {
    readonly directory?: string
    /** In seconds. */
    readonly at?: number | (() => number)
    /** The name and port of one that ended, which comes back over the same directory. */
    readonly again?: { readonly name: string; readonly port: number }
    readonly wrap?: (state: WitnessState) => WitnessState
  } = {},
): Promise<SampleWitness> {
  const name = options.again?.name ?? `witness.example.net/${++witnesses}`
  const seed = seedOf(name)
  const telemetry = createTelemetry({ level: 'debug', destination: { write: () => {} } })
  const opened = await openFileWitnessState(options.directory ?? temporaryDirectory(t))
  const state = options.wrap?.(opened) ?? opened
  const { at = 1_700_000_000 } = options
  const clock = { now: () => asInstant((typeof at === 'number' ? at : at()) * 1_000) }
  const watched = logs.map(({ origin, key }) => ({ origin, keys: [key] }))
  const parts = { name, keyName: 'witness', logs: watched, state, custody: custodyOf(seed), clock, telemetry }
  const witness = createWitness({ ...parts, acceleration: {} })
  const server = createWitnessServer({
    listen: { host: '127.0.0.1', port: options.again?.port ?? 0 },
    witness,
    clock,
    telemetry,
  })
  const { port } = await server.listen()
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopped ??= server.stop()
    return stopped
  }
  t.after(stop)
  const key = witnessKey(name, ed25519PublicKey(seed))
  return { name, key, vkey: formatWitnessKey(key), witness, state, url: `http://127.0.0.1:${port}`, stop }
}
