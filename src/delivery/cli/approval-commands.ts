import type { Command } from 'commander'
import { readFileSync } from 'node:fs'
import {
  inertPlain as inert,
  decodeHex,
  decodeSignatureText,
  encodeBase64,
  encodeBase64Url,
  formatInstant,
  parsePublicKey,
  parseEitherStatement,
  isAboutRelease,
  isSignatureScheme,
  statementPae,
  verifySignature,
} from '../../core/index.ts'
import { commandOf } from '../../flows/gate/challenge.ts'
import { signCommands } from '../../flows/gate/signing-commands.ts'
import { fetchChallenge } from './challenge-fetch.ts'
import {
  applyWish,
  bytesOf,
  changeChallenge,
  maxChallengeBytes,
  type ReadChallenge,
  readChallenge,
} from './challenge-file.ts'
import { changeNameOf } from './change-name.ts'
import { exitCode } from './exit-code.ts'
import { checkClone } from './git-clone.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { confirmed } from './prompts.ts'
import { Refusal, UsageError } from './refusal.ts'
import { addSignerKeyCommands, type UnlockOptions, unlockOf, withUnlock } from './signer-key-commands.ts'
import { statementText } from './statement-text.ts'
import { counted, printJson, type Terminal } from './terminal.ts'
import { type DecisionOptions, wishOf, withDecision } from './wish.ts'
import { createPrivateFile } from './private-file.ts'

interface ChallengeOptions extends DecisionOptions {
  readonly server?: string
  readonly maintainer?: string
  readonly keyid?: string
  readonly out?: string
  readonly json?: true
}

interface SignOptions extends DecisionOptions, UnlockOptions {
  readonly challenge?: string
  readonly key?: string
  readonly clone?: string
  readonly remote: string
  readonly fetch: boolean
  readonly yes?: true
  readonly json?: true
}

interface VerifyOptions {
  readonly payload?: string
  readonly signature?: string
  readonly publicKey?: string
  readonly scheme: string
  readonly json?: true
}

/** What a challenge says, as the JSON that `sign` reads. */
export const challengeJson = ({ payload, statement, commands, from }: ReadChallenge): Record<string, unknown> => ({
  payload: encodeBase64Url(payload),
  pae: encodeBase64(statementPae(payload)),
  keyid: statement.predicate.signer.keyid,
  expiresAt: formatInstant(statement.predicate.expiresAt),
  commands,
  ...(from === null ? {} : { diff: { from } }),
})

async function challengeAction(needs: CliNeeds, name: string, options: ChallengeOptions): Promise<void> {
  const wished = wishOf(options)
  const { server, maintainer } = options
  const problems = [
    ...(server === undefined ? ['--server <URL> is missing'] : []),
    ...(maintainer === undefined ? ['--maintainer <LOGIN> is missing'] : []),
  ]
  if (server === undefined || maintainer === undefined) throw new UsageError(...problems)
  const change = changeNameOf(name)
  const read = changeChallenge(readChallenge(await fetchChallenge(server, change, maintainer, options.keyid ?? null)))
  const { number } = read.statement.predicate.pullRequest
  if (number !== change.number)
    throw new Refusal('challenge-contradicts-itself', `the server answered for #${number}, not for #${change.number}`)
  const changed = applyWish(read, wished)
  // What has git or openssl in it depends on the payload; the comparison with the clone does not.
  const comparison = read.commands.filter((line) => line.startsWith('git '))
  const command = commandOf(changed.statement.predicate.decision)
  const commands = changed === read ? read.commands : [...comparison, ...signCommands(changed.payload, command)]
  const answer = { ...changed, commands }
  if (options.out !== undefined) createPrivateFile(options.out, `${JSON.stringify(challengeJson(answer), null, 2)}\n`)
  if (options.json) {
    printJson(needs.terminal, challengeJson(answer))
    return
  }
  needs.terminal.out(statementText(answer.statement))
  if (options.out !== undefined) {
    needs.terminal.out(
      `\nWritten to ${options.out}. Sign it: governance approval sign --challenge ${options.out} --key FILE --clone DIR\n`,
    )
    return
  }
  needs.terminal.out('\nTo sign with openssl alone, in a clone of the repository:\n\n')
  needs.terminal.out(commands.map((line) => `${inert(line)}\n`).join(''))
}

async function readChallengeOption(terminal: Terminal, place: string): Promise<ReadChallenge> {
  return readChallenge(place === '-' ? await terminal.readInput(maxChallengeBytes) : readFileSync(place))
}

async function signAction(needs: CliNeeds, options: SignOptions): Promise<void> {
  const { terminal } = needs
  const wished = wishOf(options)
  if (options.challenge === undefined || options.key === undefined)
    throw new UsageError(
      ...(options.challenge === undefined ? ['--challenge <FILE> is missing'] : []),
      ...(options.key === undefined ? ['--key <FILE> is missing'] : []),
    )
  const given = await readChallengeOption(terminal, options.challenge)
  if (isAboutRelease(given.statement) && wished !== null)
    throw new UsageError('what is said about a release is chosen with `governance release challenge`')
  const asked = isAboutRelease(given.statement) ? given : applyWish(changeChallenge(given), wished)
  const { statement, payload } = asked
  const { predicate } = statement
  if (predicate.expiresAt <= needs.clock.now())
    throw new Refusal('expired', `the challenge expired at ${formatInstant(predicate.expiresAt)}`, {
      remedy: 'Fetch a new one with `governance approval challenge`.',
    })
  const info = await needs.signerKeys.show(options.key)
  if (info.keyid !== predicate.signer.keyid)
    throw new Refusal('wrong-key', `the challenge is for key ${predicate.signer.keyid}, the file holds ${info.keyid}`, {
      remedy: 'Ask for a challenge with --keyid, or name the other key file.',
    })
  const check =
    options.clone === undefined || isAboutRelease(statement)
      ? null
      : await checkClone(options.clone, statement, { from: asked.from, remote: options.remote, fetch: options.fetch })
  terminal.err(`You sign:\n${statementText(statement)}`)
  if (isAboutRelease(statement))
    terminal.err(
      '  Compare `sha256sum SHA256SUMS`, and `sha256sum --check SHA256SUMS` in the folder of your own build.\n',
    )
  else if (check === null) terminal.err('  The content was not compared with a git clone (--clone DIR does).\n')
  else {
    terminal.err(`  Same content in ${options.clone}: ${counted(check.files.length, 'file')} from ${check.from}.\n`)
    for (const line of check.denied) terminal.err(`  not by you: ${line}\n`)
  }
  await confirmed(terminal, `Sign this ${predicate.decision}?`, options.yes === true)
  const key = await needs.signerKeys.open(options.key, await unlockOf(terminal, options, false))
  const pae = statementPae(payload)
  const signature = await key.sign(pae)
  const publicKey = decodeHex(key.publicKey)
  if (
    publicKey === undefined ||
    key.keyid !== predicate.signer.keyid ||
    !verifySignature(key.scheme, publicKey, pae, signature).ok
  )
    throw new Refusal('wrong-key', 'the key file made a signature that its public key does not verify', {
      exit: exitCode.unknown,
    })
  const [payloadText, signatureText] = [encodeBase64Url(payload), encodeBase64(signature)]
  const comment = `/governance-${commandOf(predicate.decision)} ${payloadText} ${signatureText}`
  if (options.json) {
    const isCompared = check !== null
    printJson(terminal, { comment, payload: payloadText, signature: signatureText, keyid: key.keyid, isCompared })
  } else terminal.out(`${comment}\n`)
  terminal.err(`Paste it as one comment on ${isAboutRelease(statement) ? 'any' : 'the'} pull request.\n`)
}

function verifyAction(needs: CliNeeds, options: VerifyOptions, finish: Finish): void {
  const { payload: payloadText, signature: signatureText, publicKey: keyText, scheme } = options
  if (payloadText === undefined || signatureText === undefined || keyText === undefined)
    throw new UsageError(
      ...(payloadText === undefined ? ['--payload is missing'] : []),
      ...(signatureText === undefined ? ['--signature is missing'] : []),
      ...(keyText === undefined ? ['--public-key is missing'] : []),
    )
  if (!isSignatureScheme(scheme)) throw new UsageError(`--scheme ${scheme} is not known`)
  const key = parsePublicKey(keyText, scheme)
  if (!key.ok) throw new Refusal(key.code, 'the public key cannot be used', { exit: exitCode.usage })
  const payload = bytesOf(payloadText)
  const signature = decodeSignatureText(signatureText)
  if (payload === undefined || signature === undefined)
    throw new UsageError(`--${payload === undefined ? 'payload' : 'signature'} is not base64`)
  const publicKey = decodeHex(key.compressedHex) ?? new Uint8Array()
  const parsed = parseEitherStatement(payload)
  const check = verifySignature(scheme, publicKey, statementPae(payload), signature)
  const isKeyNamed = parsed.ok && parsed.statement.predicate.signer.keyid === key.keyid
  const code = !parsed.ok ? parsed.code : !check.ok ? check.code : isKeyNamed ? null : 'wrong-key'
  if (options.json)
    printJson(needs.terminal, {
      ok: code === null,
      code,
      keyid: key.keyid,
      statement: parsed.ok ? parsed.statement : null,
    })
  else {
    if (parsed.ok) needs.terminal.out(statementText(parsed.statement))
    needs.terminal.out(
      code === null
        ? 'good: this key signed exactly this statement. Whether it counts is decided by the log and the registry.\n'
        : `NOT good: ${code}\n`,
    )
  }
  finish(code === null ? exitCode.good : exitCode.notGood)
}

/** `governance approval challenge|sign|verify|key`: what a maintainer does, on any machine. */
export function addApprovalCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  const approval = program.command('approval').description('sign, as a maintainer, what the server asks for')

  withDecision(approval.command('challenge <OWNER/REPO#NUMBER>'))
    .description('fetch what there is to sign, and say it in words')
    .option('--server <URL>', "the deployment's public address")
    .option('--maintainer <LOGIN>', 'who signs')
    .option('--keyid <KEYID>', 'which key, for a person with several')
    .option('--out <FILE>', 'write the challenge to a new file, for `approval sign`')
    .option('--json', 'one JSON value for machines')
    .action(async (name: string, options: ChallengeOptions) => challengeAction(needs, name, options))

  withUnlock(withDecision(approval.command('sign')))
    .description('show in words what will be signed, compare it with your own clone, sign, print the comment to paste')
    .option('--challenge <FILE>', 'the challenge, `-` for standard input')
    .option('--key <FILE>', 'your encrypted key file')
    .option('--clone <DIR>', 'your own git clone: the content is computed from it and must be the signed one')
    .option('--remote <NAME>', 'remote of the clone that is the forge', 'origin')
    .option('--no-fetch', 'fetch nothing into the clone')
    .option('--yes', 'sign without asking')
    .option('--json', 'one JSON value for machines')
    .action(async (options: SignOptions) => signAction(needs, options))

  approval
    .command('verify')
    .description('check a signature against a public key, and say what was signed')
    .option('--payload <BASE64URL>', 'the payload, as it stands in the comment')
    .option('--signature <BASE64>', 'the signature')
    .option('--public-key <HEX>', 'the public key, as it stands in the registry')
    .option('--scheme <SCHEME>', 'how the key signs', 'ecdsa-secp256k1-v1')
    .option('--json', 'one JSON value for machines')
    .action((options: VerifyOptions) => verifyAction(needs, options, finish))

  addSignerKeyCommands(approval, needs)
}
