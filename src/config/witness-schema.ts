import { z } from 'zod'
import { isNoteKeyName, parseVerifierKey } from '../core/index.ts'
import { absolutePath, count, listen, say, webAddress } from './values.ts'

const logKey = z.string().refine((line) => parseVerifierKey(line) !== undefined, {
  error: say('is not the verifier key of a log', 'write its vkey line, as `governance log key show` prints it'),
})

/** A witness that runs here: its name, where it waits, and the logs that it watches. */
export const witnessServeShape = {
  name: z.string().refine((name) => isNoteKeyName(name), {
    error: say('cannot name a witness', 'write it like "witness.example.org/w1": no blanks, no plus sign'),
  }),
  listen,
  logs: z.array(logKey).min(1, { error: say('is empty', 'a witness that watches no log has nothing to sign') }),
}

/** `[log.witness]`: whose cosignatures heads need, and the witness that runs inside this server. */
export const witnessTable = z
  .strictObject({
    policy: z.string().optional(),
    policy_file: absolutePath('/etc/governance/witness.policy').optional(),
    urls: z.record(z.string(), webAddress('"https://witness.example.org"')).default({}),
    required_for_green: z.boolean().optional(),
    deadline_seconds: count(1, 60, 5),
    serve: z.strictObject(witnessServeShape).optional(),
  })
  .superRefine((table, context) => {
    const problem = (path: string, message: string, remedy: string): void =>
      context.addIssue({ code: 'custom', path: [path], message: say(message, remedy) })
    const hasPolicy = table.policy !== undefined || table.policy_file !== undefined
    if (table.policy !== undefined && table.policy_file !== undefined)
      problem('policy', 'stands beside policy_file', 'write one of the two')
    if (hasPolicy && table.required_for_green === undefined)
      problem(
        'required_for_green',
        'is missing',
        'write true to hold green back until the quorum has cosigned, or false',
      )
    if (!hasPolicy && (table.required_for_green !== undefined || Object.keys(table.urls).length > 0))
      problem('policy', 'is missing', 'write the witness policy (C2SP tlog-policy), or its path as policy_file')
  })
