import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { exitCode } from './exit-code.ts'
import { codePage, donePage, manifestPage, pageHeaders } from './manifest-page.ts'
import type { CliNeeds } from './needs.ts'
import { askText } from './prompts.ts'
import { createPrivateFile } from './private-file.ts'
import { Refusal, UsageError } from './refusal.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An App with its secrets, as the forge told them once. Never printed. */
export interface MadeApp {
  readonly appId: number
  readonly pem: string
  readonly webhookSecret: Uint8Array
}

/** What the App shall be. */
export interface WantedApp {
  readonly apiUrl: string
  readonly publicUrl: string
  readonly name: string
  /** Owner of the App; null: the person who is logged in at the forge. */
  readonly organization: string | null
  readonly isManual: boolean
}

const timeoutMs = 60 * 60 * 1000
const loginText = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/

function actionUrl(needs: CliNeeds, wanted: WantedApp, state: string): string {
  const web = needs.webUrlOf(wanted.apiUrl)
  const { organization } = wanted
  if (organization !== null && !loginText.test(organization)) throw new UsageError('--organization is not a login')
  const path = organization === null ? 'settings/apps/new' : `organizations/${organization}/settings/apps/new`
  return `${web}/${path}?state=${state}`
}

const isSame = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/**
 * Makes the App by the forge's manifest flow: a page on the loopback posts the manifest, the forge sends the browser back
 * with a code, the code is exchanged for the secrets, which go straight to the caller.
 *
 * Checks: the state that comes back is the one that went out (a page elsewhere cannot slip in another App, T60).
 * Spec: docs.github.com, "Registering a GitHub App from a manifest".
 */
export async function makeApp(needs: CliNeeds, wanted: WantedApp): Promise<MadeApp> {
  const state = randomBytes(24).toString('base64url')
  const code = wanted.isManual ? await codeByPaste(needs, wanted, state) : await codeByLoopback(needs, wanted, state)
  const { appId, slug, pem, webhookSecret } = await needs.manifest.exchange(wanted.apiUrl, code)
  needs.terminal.err(
    `App ${slug} (${appId}) exists. Install it on the governance repository and on every governed one:\n`,
  )
  needs.terminal.err(`  ${needs.webUrlOf(wanted.apiUrl)}/apps/${slug}/installations/new\n`)
  await askText(needs.terminal, 'Press return when it is installed', true)
  return { appId, pem, webhookSecret: Buffer.from(webhookSecret) }
}

async function codeByLoopback(needs: CliNeeds, wanted: WantedApp, state: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let page = ''
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const send = (status: number, text: string): void =>
      void response.writeHead(status, { ...pageHeaders, 'content-type': 'text/html; charset=utf-8' }).end(text)
    if (request.method !== 'GET') return send(405, donePage('Only GET.'))
    if (url.pathname === '/') return send(200, page)
    if (url.pathname !== '/made') return send(404, donePage('Nothing here.'))
    if (!isSame(url.searchParams.get('state') ?? '', state))
      return send(403, donePage('This is not an answer to our page.'))
    send(200, donePage('The App is made. Go back to the terminal.'))
    resolve(url.searchParams.get('code') ?? '')
  }
  const server = createServer(answer)
  const timer = setTimeout(() => reject(new Refusal('timeout', 'nobody answered within an hour')), timeoutMs)
  try {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const manifest = needs.manifest.make({
      name: wanted.name,
      publicUrl: wanted.publicUrl,
      redirectUrl: `${root}/made`,
    })
    page = manifestPage(actionUrl(needs, wanted, state), JSON.stringify(manifest))
    needs.terminal.err(`Open this page in a browser on this machine:\n  ${root}/\n`)
    return await promise
  } finally {
    clearTimeout(timer)
    server.close()
    server.closeAllConnections()
  }
}

/** For a machine without browser: the page goes into a file that a person opens elsewhere; the code comes back by paste. */
async function codeByPaste(needs: CliNeeds, wanted: WantedApp, state: string): Promise<string> {
  if (!needs.terminal.isInteractive) throw new UsageError('--manual needs a person to paste the code')
  const folder = mkdtempSync(join(tmpdir(), 'governance-app-'))
  try {
    const file = join(folder, 'make-app.html')
    const redirectUrl = `${wanted.publicUrl.replace(/\/+$/, '')}/app-made`
    const manifest = needs.manifest.make({ name: wanted.name, publicUrl: wanted.publicUrl, redirectUrl })
    createPrivateFile(file, codePage(actionUrl(needs, wanted, state), JSON.stringify(manifest)))
    needs.terminal.err(
      `Copy ${file} to a machine with a browser and open it.\nAt the end the browser goes to ${redirectUrl}?code=…&state=…, whether or not that page exists.\n`,
    )
    const pasted = await askText(needs.terminal, 'Paste that whole address', false)
    const answer = URL.parse(pasted)
    if (answer === null || !isSame(answer.searchParams.get('state') ?? '', state))
      throw new Refusal('wrong-state', 'this address is not an answer to our page', { exit: exitCode.unknown })
    return answer.searchParams.get('code') ?? ''
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
