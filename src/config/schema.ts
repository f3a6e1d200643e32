import { isIP } from 'node:net'
import { z } from 'zod'
import { asSha256 } from '../core/index.ts'
import { absolutePath, count, listen, say, webAddress } from './values.ts'
import { witnessServeShape, witnessTable } from './witness-schema.ts'

const network = z.string().refine(
  (text) => {
    const [address = '', prefix, ...more] = text.split('/')
    const bits = isIP(address) === 6 ? 128 : 32
    if (isIP(address) === 0 || more.length > 0) return false
    // A network of everybody would make every stranger a proxy.
    return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) > 0 && Number(prefix) <= bits)
  },
  { error: say('is not an address or network', 'write it like "10.0.0.2" or "10.0.0.0/24"; /0 is refused') },
)

const keystoreRemedy = 'secrets never stand in this file: put it into the keystore and write { keystore = "name" }'
const keystore = z.strictObject(
  {
    keystore: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
      error: say('is not a name in the keystore', 'use a-z, 0-9, ".", "_", "-"'),
    }),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? say('names no secret in the keystore', keystoreRemedy) : undefined,
  },
)

const sftpPlace = z.strictObject({
  host: z
    .string()
    .refine((host) => isIP(host) !== 0 || /^[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?$/.test(host), {
      error: say('is not a host', 'write a name or an address, without user, port or scheme'),
    }),
  port: count(1, 65_535, 22),
  user: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, { error: say('is not a user name', 'name the account on that machine') }),
  directory: absolutePath('/srv/governance-log'),
  host_key: z.string().regex(/^SHA256:(?!(.)\1{42}$)[A-Za-z0-9+/]{43}$/, {
    error: say(
      'is not the fingerprint of a key',
      'run `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on that machine and copy "SHA256:…"',
    ),
  }),
  private_key: keystore,
})

/** Where the copy of the log goes that this machine's end does not reach. */
const offHost = z
  .strictObject({ directory: absolutePath('/mnt/other').optional(), sftp: sftpPlace.optional() })
  .refine(
    (place) =>
      typeof place !== 'object' || place === null || (place.directory === undefined) !== (place.sftp === undefined),
    {
      error: say('names no place, or two', 'write either directory = "/mnt/other" or sftp = { host = …, … }'),
      when: () => true,
    },
  )

const webhookSecrets = z.preprocess(
  (value) => (Array.isArray(value) || value === undefined ? value : [value]),
  z
    .array(keystore)
    .min(1, { error: say('is empty', 'name at least one secret: without it anybody could send webhooks') })
    .max(2, { error: say('names more than two secrets', 'a rotation needs the current and the next one only') })
    .refine((names) => new Set(names.map((name) => name?.keystore)).size === names.length, {
      error: say('names the same secret twice', 'name the current and the next one'),
    }),
)

const text = (shape: RegExp, message: string, remedy: string) =>
  z.string().regex(shape, { error: say(message, remedy) })

const mebibyte = 1024 * 1024
const anonymousGenesis = /^sha256:(.)\1{63}$/

/** The file as it is written; every table closed. Names on the left are what operators script against. */
export const fileSchema = z.strictObject({
  http: z.strictObject({
    listen,
    public_url: webAddress('"https://gov.example.org"'),
    trusted_proxies: z.array(network).max(32).default([]),
    max_body_bytes: count(mebibyte, 25 * mebibyte, 25 * mebibyte),
    challenge_per_client_and_minute: count(1, 10_000, 30),
    challenge_per_minute: count(1, 100_000, 600),
  }),
  log: z.strictObject({
    origin: text(
      /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)+$/,
      'is not a log origin',
      'write host and path without scheme, like "gov.example.org/decisions"; it never changes afterwards',
    ),
    off_host: offHost.optional(),
    witness: witnessTable.optional(),
    access: z
      .enum(['public', 'token'], { error: say('is not a way to read the log', 'use "public" or "token"') })
      .optional(),
    token: keystore.optional(),
  }),
  github: z.strictObject({
    api_url: webAddress('"https://api.github.com" or "https://github.example.org/api/v3"'),
    app_id: z
      .int({
        error: say('is not the number of an App', "copy the App ID from the App's settings page, without quotes"),
      })
      .positive({ error: say('is not the number of an App', "copy the App ID from the App's settings page") }),
    private_key: keystore,
    webhook_secret: webhookSecrets,
  }),
  policy: z.strictObject({
    repository: text(
      /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/,
      'is not owner/name',
      'write it like "acme/governance"',
    ),
    branch: text(
      /^(?![-/.])(?!.*(?:\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)))[^\p{Cc} ~^:?*[\\]{1,200}(?<![/.])$/u,
      'is not a branch name',
      'write it like "main", without refs/heads/',
    ),
    genesis: text(
      /^sha256:[0-9a-f]{64}$/,
      'is not a pinned policy digest',
      'write "sha256:" and 64 lower-case hex digits; `governance init` prints it',
    )
      .refine((digest) => !anonymousGenesis.test(digest), {
        error: say('is a placeholder', '`governance init` prints the digest of the policy you confirmed'),
      })
      .transform((digest) => asSha256(digest.slice('sha256:'.length))),
  }),
  data: z.strictObject({
    directory: absolutePath('/var/lib/governance'),
    payload_days: count(1, 3_650, 30),
  }),
  anchor: z
    .strictObject({
      calendars: z.array(webAddress('"https://a.pool.opentimestamps.org"')).max(16).default([]),
      upgrade_from: z
        .array(
          text(
            /^https:\/\/(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:\/[A-Za-z0-9._~-]+)*$/,
            'is no calendar or family of calendars',
            'write it like "https://*.calendar.opentimestamps.org"',
          ),
        )
        .max(16)
        .default([]),
    })
    .default({ calendars: [], upgrade_from: [] }),
  telemetry: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'], {
          error: say('is not a level', 'use "debug", "info", "warn" or "error"'),
        })
        .default('info'),
    })
    .default({ level: 'info' }),
})

/** The file of a witness on its own. */
export const witnessFileSchema = z.strictObject({
  witness: z.strictObject(witnessServeShape),
  data: z.strictObject({ directory: absolutePath('/var/lib/governance-witness') }),
})
