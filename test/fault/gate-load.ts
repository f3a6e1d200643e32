/** The world outside the server: people who open, sign, push, merge and close, and their own list of what happened. */
import { createHash, randomInt } from 'node:crypto'
import { signEcdsa } from '../../src/core/index.ts'
import { appId, type Person } from '../e2e/deployment.ts'
import type { GateProcess } from './gate-process.ts'
import { until } from './green.ts'

export interface SignedApproval {
  readonly number: number
  readonly head: string
  readonly person: number
  readonly payloadDigest: string
  readonly commentId: number
}

/** A success that the stand-in showed, from its own history of check runs. */
export interface Green {
  readonly head: string
  readonly base: string
  readonly at: number
}

export interface PlayedChange {
  readonly number: number
  head: string
  state: 'open' | 'merged' | 'closed'
}

export interface Load {
  readonly signed: readonly SignedApproval[]
  readonly changes: readonly PlayedChange[]
  /** What the stand-in showed green so far, in order. */
  greens(): readonly Green[]
  /** GUIDs of deliveries that were answered with 2xx. */
  acknowledged(): ReadonlySet<string>
  /** Lets so many people begin to open, sign, push, merge and close without end. */
  enter(count: number): void
  /** Opens a change, has it signed by three and waits until it is green. */
  playToGreen(name: string): Promise<PlayedChange>
  /** Lets everybody end what was begun. The server has to run meanwhile. */
  finish(): Promise<void>
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The person's challenge for exactly this head, however often the server has to be asked. */
async function challengeFor(gate: GateProcess, change: PlayedChange, person: Person, forMs: number) {
  const end = Date.now() + forMs
  while (Date.now() < end && !gate.isOver) {
    if (gate.url !== null)
      try {
        const answer = await fetch(`${gate.url}/challenge/acme/sdk/${change.number}?maintainer=${person.login}`)
        if (answer.status === 200) {
          const { payload, pae } = (await answer.json()) as { readonly payload: string; readonly pae: string }
          const text = Buffer.from(payload, 'base64url').toString()
          if (text.includes(change.head)) return { payload, pae: Buffer.from(pae, 'base64') }
        } else await answer.arrayBuffer()
      } catch {
        // The server is being killed: that is what this is about.
      }
    await pause(40)
  }
  throw new Error(`no challenge for ${person.login} on #${change.number}`)
}

export function startLoad(gate: GateProcess, options: { readonly patienceMs: number }): Load {
  const { fake } = gate
  const signed: SignedApproval[] = []
  const changes: PlayedChange[] = []
  const greens: Green[] = []
  const acknowledged = new Set<string>()
  const signers = gate.people.filter(({ set }) => set === 'layer-5')
  let lastSeen = 0
  let isEnding = false

  const isGreen = ({ head }: PlayedChange): boolean =>
    fake.checkRuns('acme/sdk', head).some((run) => run.appId === appId && run.conclusion === 'success')

  async function sign(change: PlayedChange): Promise<void> {
    const first = randomInt(signers.length)
    for (let i = 0; i < 3; i++) {
      const person = signers[(first + i) % signers.length] as Person
      const { payload, pae } = await challengeFor(gate, change, person, options.patienceMs)
      const signature = Buffer.from(signEcdsa(Buffer.from(person.secretHex, 'hex'), pae)).toString('base64')
      const place = { repo: 'acme/sdk', number: change.number }
      const commentId = fake.comment(place, person.login, `/governance-sign ${payload} ${signature}`)
      const payloadDigest = sha256(Buffer.from(payload, 'base64url'))
      signed.push({ number: change.number, head: change.head, person: person.id, payloadDigest, commentId })
    }
    await until(`#${change.number} is green`, () => isGreen(change) || gate.isOver, options.patienceMs)
  }

  const write = (name: string, text: string) => ({
    author: 'alice',
    message: text,
    files: { [`docs/${name}.md`]: `${text}\n` },
  })

  function open(name: string): PlayedChange {
    fake.commit('acme/sdk', name, write(name, `first of ${name}`))
    const opened = fake.openPullRequest({ repo: 'acme/sdk', head: name, author: 'alice', title: `Change ${name}` })
    const change: PlayedChange = { number: opened.number, head: opened.headSha, state: 'open' }
    changes.push(change)
    return change
  }

  async function play(actor: number): Promise<void> {
    for (let turn = 0; !isEnding && !gate.isOver; turn++) {
      const head = `w${actor}-${turn}`
      const change = open(head)
      await sign(change)
      const place = { repo: 'acme/sdk', number: change.number }
      const next = randomInt(4)
      if (next === 0) {
        change.head = fake.pushToPullRequest(place, write(head, `second of ${head}`))
        if (!isEnding) await sign(change)
      } else if (next === 1) {
        fake.closePullRequest(place, 'alice')
        change.state = 'closed'
      } else if (next === 2) {
        // Green may have been taken back meanwhile, where a base moved: then it stays open.
        if (fake.mergeProblems(place, 'admin').length > 0) continue
        fake.mergePullRequest(place, 'admin', 'squash')
        change.state = 'merged'
      }
    }
  }

  function look(): void {
    for (const delivery of fake.deliveries(appId).reverse()) {
      if (delivery.done && delivery.statusCode >= 200 && delivery.statusCode < 300) acknowledged.add(delivery.guid)
      if (delivery.id <= lastSeen) continue
      lastSeen = delivery.id
      if (delivery.event !== 'check_run') continue
      const { check_run: run } = JSON.parse(delivery.payload) as {
        readonly check_run: {
          readonly name: string
          readonly head_sha: string
          readonly conclusion: string | null
          readonly app: { readonly id: number }
        }
      }
      if (run.app.id !== appId || run.conclusion !== 'success') continue
      greens.push({ head: run.head_sha, base: run.name.replace('governance/', ''), at: delivery.at })
    }
  }

  const actors: Promise<void>[] = []
  return {
    signed,
    changes,
    greens() {
      look()
      return greens
    },
    acknowledged() {
      look()
      return acknowledged
    },
    enter(count) {
      for (let i = 0; i < count; i++) {
        const actor = play(actors.length)
        // A failure is the caller's when it asks; until then it must not end the process.
        actor.catch(() => {})
        actors.push(actor)
      }
    },
    async playToGreen(name) {
      const change = open(name)
      await sign(change)
      return change
    },
    async finish() {
      isEnding = true
      await Promise.all(actors)
    },
  }
}
