import { decodeBase64, decodeBase64Url } from '../bytes/base64.ts'
import { decodeHex } from '../bytes/hex.ts'
import type { Decision } from './statement.ts'
import { maxPayloadBytes } from './statement-fields.ts'

/** Commands that act: each is a signed statement. */
export const signedCommands = {
  sign: ['approve'],
  attest: ['attest'],
  veto: ['veto'],
  withdraw: ['withdraw'],
  tier: ['add-tier', 'remove-tier'],
  suspend: ['suspend', 'lift'],
} as const satisfies Readonly<Record<string, readonly Decision[]>>

export type SignedCommandName = keyof typeof signedCommands
const askingCommands = ['status', 'help'] as const
export type AskingCommandName = (typeof askingCommands)[number]

/** Why a comment that means to be a command is none. */
export type CommandFaultCode =
  | 'comment-too-long'
  | 'unknown-command'
  | 'second-command'
  | 'unexpected-argument'
  | 'statement-missing'
  | 'malformed-payload'
  | 'malformed-signature'
  | 'malformed-reasoning'

export type ParsedCommand =
  | { readonly kind: 'none' }
  | { readonly kind: 'command'; readonly name: AskingCommandName }
  | {
      readonly kind: 'command'
      readonly name: SignedCommandName
      /** Null when the signature stands alone: the server looks for the signer's one open challenge. */
      readonly payload: Uint8Array | null
      readonly signature: Uint8Array
      /** Words beside the signed ones: shown, never decisive. */
      readonly reasoning: string | null
    }
  | { readonly kind: 'malformed'; readonly code: CommandFaultCode; readonly name: string | null }

const maxCommentLength = 65_536
const maxPayloadLength = Math.ceil((maxPayloadBytes * 4) / 3)
const maxSignatureLength = 1024
const maxReasoningLength = 2000
/** The shortest text that is taken for hex rather than base64; no base64 of a signature is hex of that length. */
const leastHexLength = 120

const isSigned = (name: string): name is SignedCommandName => Object.hasOwn(signedCommands, name)
const isAsking = (name: string): name is AskingCommandName => (askingCommands as readonly string[]).includes(name)
const malformed = (code: CommandFaultCode, name: string | null = null): ParsedCommand => ({
  kind: 'malformed',
  code,
  name,
})

/** Says whether a command's name goes with what its statement decides: `/governance-sign` of a veto is refused. */
export const commandAllows = (name: SignedCommandName, decision: Decision): boolean =>
  (signedCommands[name] as readonly Decision[]).includes(decision)

/** A signature as people paste it: base64 of either alphabet, or hex in either case; undefined when it is neither. */
export function decodeSignatureText(text: string): Uint8Array | undefined {
  if (text.length > maxSignatureLength) return undefined
  const isHex = text.length >= leastHexLength && text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text)
  const bytes = isHex
    ? decodeHex(text.toLowerCase())
    : (decodeBase64(text) ?? decodeBase64Url(text.replace(/={1,2}$/, '')))
  return bytes !== undefined && bytes.length > 0 ? bytes : undefined
}

const fence = /^ {0,3}(`{3,}|~{3,})/

/** Says whether a later line, outside of quotes and code, starts a command too. */
function hasSecondCommand(lines: readonly string[]): boolean {
  let open: string | null = null
  for (const line of lines) {
    const mark = fence.exec(line)?.[1]
    if (open !== null) {
      if (mark !== undefined && mark[0] === open[0] && mark.length >= open.length) open = null
    } else if (mark !== undefined) open = mark
    else if (line.startsWith('/governance-')) return true
  }
  return false
}

function parseSigned(name: SignedCommandName, rest: string): ParsedCommand {
  const quote = rest.indexOf('"')
  const words = (quote < 0 ? rest : rest.slice(0, quote)).split(/[ \t]+/).filter((word) => word !== '')
  let reasoning: string | null = null
  if (quote >= 0) {
    const quoted = /^"([^"\p{Cc}]*)"[ \t]*$/u.exec(rest.slice(quote))?.[1]
    if (quoted === undefined || quoted.length > maxReasoningLength) return malformed('malformed-reasoning', name)
    reasoning = quoted
  }
  const [first, second, third] = words
  if (third !== undefined) return malformed('unexpected-argument', name)
  // `/governance-tier 3 "reason"` and a bare `/governance-veto`: what acts is signed, so the reply says how to sign.
  if (first === undefined || /^(?:[1-5]|[a-z-]{1,64})$/.test(first)) return malformed('statement-missing', name)
  const signature = decodeSignatureText(second ?? first)
  if (signature === undefined) return malformed('malformed-signature', name)
  if (second === undefined) return { kind: 'command', name, payload: null, signature, reasoning }
  const payload = first.length > maxPayloadLength ? undefined : decodeBase64Url(first.replace(/={1,2}$/, ''))
  if (payload === undefined || payload[0] !== 0x7b) return malformed('malformed-payload', name)
  return { kind: 'command', name, payload, signature, reasoning }
}

/**
 * Reads the one command of a comment: on its first line, from its first character.
 *
 * Trust: anybody can write the comment; what it says proves nothing, the signature in it does.
 * Checks: quoted lines, indented lines, code and later lines are no commands (T08); a second command outside of quotes and
 * code refuses the whole comment; sizes.
 * Does not check: who wrote it, whether it was edited, whether it stands on a pull request; the caller does.
 */
export function parseCommand(body: string): ParsedCommand {
  if (!body.startsWith('/governance-')) return { kind: 'none' }
  if (body.length > maxCommentLength) return malformed('comment-too-long')
  const [line = '', ...later] = body.split(/\r\n|\n|\r/)
  const parts = /^\/governance-([a-z]{1,20})(?:[ \t]+(.*))?$/s.exec(line)
  const name = parts?.[1] ?? ''
  if (!isSigned(name) && !isAsking(name)) return malformed('unknown-command')
  if (hasSecondCommand(later)) return malformed('second-command', name)
  const rest = (parts?.[2] ?? '').trim()
  if (isSigned(name)) return parseSigned(name, rest)
  return rest === '' ? { kind: 'command', name } : malformed('unexpected-argument', name)
}
