import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { inertPlain as inert } from '../../core/index.ts'
import type { LogSource } from '../../flows/ports.ts'
import type { LogFault } from '../../flows/record/log-fault.ts'
import { type LogTrust, logTrust } from '../../flows/record/log-source.ts'
import { exitCode } from './exit-code.ts'
import type { CliNeeds } from './needs.ts'
import { Refusal, UsageError } from './refusal.ts'
import { trustFrom } from './trust-commands.ts'

/** The options of every command that reads a log from outside. */
export interface LogReadingOptions {
  readonly trust?: string
  readonly key?: readonly string[]
  readonly root?: string
  readonly tokenFile?: string
}

const several = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value]

export const tokenFileHelp = 'bearer token for a log that is not public; sent to this address alone'

/** Adds the options that say whom to believe and how to get in. */
export function withLogReading(command: Command): Command {
  return command
    .option('--trust <FILE>', 'trust file: the origin of the log and the keys that may sign it')
    .option('--key <VKEY>', 'key of the log instead of a trust file; several are allowed', several)
    .option('--root <VKEY>', 'with --key: offline root of the log, whose certificates name the keys after that one')
    .option('--token-file <FILE>', tokenFileHelp)
}

/** Whom the command line says to believe. @throws UsageError, Refusal for a trust file or a key that is none */
export function trustOf({ trust, key, root }: LogReadingOptions): LogTrust {
  if ((trust === undefined) === (key === undefined))
    throw new UsageError('name either --trust FILE or --key VKEY: a log that nobody vouches for proves nothing')
  if (trust !== undefined && root !== undefined)
    throw new UsageError('--root goes with --key; a trust file names its own')
  const named = trust === undefined ? { logKeys: key ?? [], root: root ?? null } : trustFrom(trust).trust
  const trusted = logTrust(named.logKeys, named.root)
  if (trusted !== undefined) return trusted
  throw new Refusal('trust-unreadable', 'the keys are not verifier keys of one log', {
    exit: exitCode.unknown,
    remedy: 'A verifier key is `origin+keyid+base64` on one line.',
  })
}

function tokenOf(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Refusal(
      'token-unreadable',
      `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`,
      {
        exit: exitCode.unknown,
      },
    )
  }
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token
  throw new Refusal('token-unreadable', `${file} holds no token`, { exit: exitCode.unknown })
}

/** Says that nothing was done with a log that is not to be believed. */
export function refusedLog({ code, path, index }: LogFault): Refusal {
  return new Refusal(code, `the log is not to be believed: ${inert(path ?? `entry ${index}`)}`, {
    remedy: 'Nothing was compared. `governance verify log` says everything that is wrong with it.',
  })
}

/** The place that an argument names: an http(s) address, or else a directory. @throws UsageError, Refusal token-unreadable */
export function sourceOf(needs: Pick<CliNeeds, 'openLogSource'>, place: string, tokenFile?: string): LogSource {
  const token = tokenFile === undefined ? null : tokenOf(tokenFile)
  try {
    return needs.openLogSource(place, token)
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError)
      throw new UsageError(`${place} is not the address of a log`)
    throw error
  }
}
