import { readFileSync, statSync } from 'node:fs'
import { isJsonObject, parseJsonStrict } from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxTrustBytes = 65_536

/** The log keys that a trust file names. @throws Refusal trust-unreadable */
export function readLogTrust(file: string): readonly string[] {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY
  const parsed =
    size > maxTrustBytes ? null : parseJsonStrict(readFileSync(file), { maxBytes: maxTrustBytes, maxDepth: 4 })
  const value = parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : null
  const keys = value?.v === 1 && value.kind === 'governance-trust' ? value.logKeys : null
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => typeof key === 'string'))
    throw new Refusal('trust-unreadable', `${file} is no trust file`, {
      exit: exitCode.unknown,
      remedy: 'Take it anew from whoever runs the log, and compare its fingerprint with somebody else’s.',
    })
  return keys
}
