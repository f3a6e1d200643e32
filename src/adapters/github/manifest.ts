import type { Json } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { Clock, Random, Timers } from '../../flows/ports.ts'
import { objectOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { createClient } from './client.ts'
import { idAt, textAt } from './payload-fields.ts'

/** What the App cannot work without. */
export const appPermissions: Readonly<Record<string, string>> = {
  checks: 'write',
  contents: 'read',
  merge_queues: 'read',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'read',
}

/**
 * What the App is given besides: the forge ties the subscription to `issue_comment` to it, though it delivers and takes
 * comments of pull requests without it. An App that lacks it learns of commands by listing them. `doctor` fails on more.
 */
export const wantedPermissions: Readonly<Record<string, string>> = { issues: 'read' }

/** Events that the App subscribes to; installation events and pings come unasked. */
const appEvents: readonly string[] = [
  'check_run',
  'check_suite',
  'issue_comment',
  'merge_group',
  'pull_request',
  'push',
  'repository',
  'status',
]

/** The manifest by which the forge makes the App, so that nobody copies secrets by hand. */
export function appManifest(options: {
  readonly name: string
  readonly publicUrl: string
  readonly redirectUrl: string
}): Json {
  const root = options.publicUrl.replace(/\/+$/, '')
  return {
    name: options.name,
    url: root,
    hook_attributes: { url: `${root}/webhooks/github`, active: true },
    redirect_url: options.redirectUrl,
    public: false,
    default_permissions: { ...appPermissions, ...wantedPermissions },
    default_events: appEvents,
  }
}

/** The App that the forge made, with the secrets that it tells once. */
export interface MadeApp {
  readonly appId: number
  readonly slug: string
  readonly pem: string
  readonly webhookSecret: string
}

const codeText = /^[A-Za-z0-9_-]{1,128}$/

/**
 * Exchanges the code of the manifest flow for the App's id and secrets. A code works once, within an hour.
 *
 * @throws AppError forge-not-found for a code that is unknown or used; forge-ambiguous when the answer was lost: the App
 * then exists, and its key has to be made anew in the forge's settings
 */
export async function exchangeManifestCode(
  apiUrl: string,
  code: string,
  ports: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
): Promise<MadeApp> {
  if (!codeText.test(code)) throw new AppError('forge-not-found', 'this is not a code of the manifest flow')
  const privateKey = () => Promise.reject(new AppError('config-invalid', 'the App has no key yet'))
  const client = createClient({ apiUrl, appId: 0, privateKey, ...ports })
  const { json } = await client.call({
    as: { kind: 'none' },
    kind: 'write',
    method: 'POST',
    path: path`/app-manifests/${code}/conversions`,
  })
  return reading(() => {
    const made = objectOf(json, 'app')
    return {
      appId: idAt(made, 'id', 'id'),
      slug: textAt(made, 'slug', 'slug', 256),
      pem: textAt(made, 'pem', 'pem', 16_384),
      webhookSecret: textAt(made, 'webhook_secret', 'webhook_secret', 1024),
    }
  })
}
