import { maxChallengeBytes } from './challenge-file.ts'
import type { ChangeName } from './change-name.ts'
import { exitCode } from './exit-code.ts'
import { Refusal, UsageError } from './refusal.ts'

const timeoutMs = 20_000
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

function addressOf(
  server: string,
  repository: string,
  last: string,
  query: Readonly<Record<string, string | null>>,
): URL {
  const root = URL.parse(server)
  const isPlain = root?.protocol === 'http:' && loopback.has(root.hostname)
  if (root === null || (root.protocol !== 'https:' && !isPlain) || root.username !== '' || root.search !== '')
    throw new UsageError(`--server ${server} is no https address (http is for the loopback only)`)
  const [owner = '', name = ''] = repository.split('/')
  const path = `challenge/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/${last}`
  const url = new URL(`${root.href.replace(/\/+$/, '')}/${path}`)
  for (const [key, value] of Object.entries(query)) if (value !== null) url.searchParams.set(key, value)
  return url
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxChallengeBytes)
      throw new Refusal('challenge-malformed', 'the answer is too long', { exit: exitCode.unknown })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * Asks a deployment what a maintainer has to sign. Public: sends nothing but the names.
 *
 * @throws Refusal no-challenge (unknown change, unregistered maintainer or private repository: the server does not say
 * which), server-unreachable, too-many-requests
 */
export async function fetchChallenge(
  server: string,
  { repository, number }: ChangeName,
  maintainer: string,
  keyid: string | null,
): Promise<Uint8Array> {
  return answerOf(addressOf(server, repository, String(number), { maintainer, keyid }), {
    refused: `there is nothing for ${maintainer} to sign on ${repository}#${number}`,
    remedy:
      'Check the names; a draft, a closed or an undecided pull request has no challenge, nor has who is not registered.',
  })
}

/** The same about a release. @throws as `fetchChallenge` */
export async function fetchReleaseChallenge(
  server: string,
  repository: string,
  query: Readonly<Record<string, string | null>>,
): Promise<Uint8Array> {
  return answerOf(addressOf(server, repository, 'release', query), {
    refused: `there is nothing for ${query.maintainer} to sign about ${query.tag} of ${repository}`,
    remedy: 'Check the names; only a revision that landed as it had passed can be released.',
  })
}

async function answerOf(url: URL, words: { readonly refused: string; readonly remedy: string }): Promise<Uint8Array> {
  let response: Response
  try {
    response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    const { cause } = error as Error
    const reason = cause instanceof Error ? cause.message : (error as Error).message
    throw new Refusal('server-unreachable', `${url.origin} cannot be reached: ${reason}`, {
      exit: exitCode.unknown,
      remedy: 'Check the address and the network.',
    })
  }
  if (response.status === 404) throw new Refusal('no-challenge', words.refused, { remedy: words.remedy })
  if (response.status === 429)
    throw new Refusal('too-many-requests', 'the server asks to wait', {
      exit: exitCode.unknown,
      remedy: 'Try again in a minute.',
    })
  if (!response.ok)
    throw new Refusal('server-refused', `the server answered ${response.status}`, { exit: exitCode.unknown })
  return bodyOf(response)
}
