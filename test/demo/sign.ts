/** How people sign in the demo: with the real command line, or with a key that this process holds. */
import { signEcdsa } from '../../src/core/index.ts'
import type { Person, SignerName } from './cast.ts'
import { expectEqual } from './steps.ts'
import type { World } from './world.ts'

/** The two commands, as a maintainer types them. */
export function commandsOf(world: World, login: SignerName, change: string) {
  const challenge = ['approval', 'challenge', change, '--server', world.url, '--maintainer', login, '--json']
  const secrets = ['--key', `${login}.key`, '--passphrase-file', `${login}.passphrase`]
  return { challenge, sign: ['approval', 'sign', '--challenge', '-', ...secrets, '--yes'] }
}

/** Takes a challenge, signs it with the person's encrypted key file, and returns the comment to paste. */
export async function signWithCommands(world: World, login: SignerName, change: string): Promise<string> {
  const { challenge, sign } = commandsOf(world, login, change)
  const printed = await world.commands.pipe(challenge, sign)
  expectEqual(`the command in ${login}'s line`, printed.split(' ')[0], '/governance-sign')
  return printed.trim()
}

/** Asks the server for a challenge over HTTP; the status tells whether there is one for this person. */
export async function askChallenge(
  world: World,
  change: { readonly name: string; readonly number: number },
  login: string,
  wish: Readonly<Record<string, string>> = {},
): Promise<{
  readonly status: number
  readonly code: string | null
  readonly payload: string
  readonly pae: string
}> {
  const query = new URLSearchParams({ maintainer: login, ...wish })
  const response = await fetch(`${world.url}/challenge/${change.name}/${change.number}?${query.toString()}`)
  const body = (await response.json()) as { code?: string; payload?: string; pae?: string }
  return { status: response.status, code: body.code ?? null, payload: body.payload ?? '', pae: body.pae ?? '' }
}

/** The same without a process per signature, for the many signatures of layer 0. */
export async function signHere(
  world: World,
  change: { readonly name: string; readonly number: number },
  person: Person,
  command: 'sign' | 'attest' = 'sign',
  wish: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (person.secret === null) throw new Error(`${person.login}'s key lies in its file only`)
  const { status, payload, pae } = await askChallenge(world, change, person.login, wish)
  expectEqual(`the challenge for ${person.login}`, status, 200)
  const signature = signEcdsa(person.secret, Buffer.from(pae, 'base64'))
  return `/governance-${command} ${payload} ${Buffer.from(signature).toString('base64')}`
}
