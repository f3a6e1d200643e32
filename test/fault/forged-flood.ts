import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'

/**
 * A stranger: `forged-flood URL COUNT` sends so many webhooks without the secret, as fast as it can, and says how each was
 * answered. With a wrong signature, none, an old algorithm's, or a right one over other bytes.
 */
const [url, count] = process.argv.slice(2)
if (url === undefined || count === undefined) throw new Error('usage: forged-flood URL COUNT')
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
const body = Buffer.from(
  JSON.stringify({ action: 'opened', number: 1, repository: { id: 1 }, fill: 'x'.repeat(20_000) }),
)
const guess = randomBytes(32)
const answers: Record<number, number> = {}
let left = Number(count)

const signatureOf = (n: number): Record<string, string> => {
  if (n % 4 === 0) return {}
  if (n % 4 === 1) return { 'x-hub-signature': `sha1=${createHmac('sha1', guess).update(body).digest('hex')}` }
  if (n % 4 === 2) return { 'x-hub-signature-256': 'sha256=zz' }
  return { 'x-hub-signature-256': `sha256=${createHmac('sha256', guess).update(body).digest('hex')}` }
}

const send = (n: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': String(body.length),
      'x-github-event': 'pull_request',
      'x-github-delivery': randomUUID(),
      ...signatureOf(n),
    }
    const outgoing = request(`${url}/webhooks/github`, { method: 'POST', agent, headers }, (response) => {
      answers[response.statusCode ?? 0] = (answers[response.statusCode ?? 0] ?? 0) + 1
      response.resume().on('end', resolve)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })

process.stdout.write('flooding\n')
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (left > 0) await send(left--)
  }),
)
process.stdout.write(`${JSON.stringify(answers)}\n`)
agent.destroy()
