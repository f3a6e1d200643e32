/** What the page may do: post its form to the forge and run its own few lines; nothing else can be loaded. */
export const pageHeaders = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

const shell = (body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>governance: make the GitHub App</title><body>${body}</body></html>\n`

const form = (action: string, manifest: string): string =>
  `<form id="manifest" method="post" action="${escapeHtml(action)}"><input type="hidden" name="manifest" value="${escapeHtml(manifest)}"><button>Make the GitHub App</button></form>`

/** The page that posts the manifest by itself; its button is for browsers that run no script. */
export const manifestPage = (action: string, manifest: string): string =>
  shell(`${form(action, manifest)}<script>document.getElementById('manifest').submit()</script>`)

/** The same for a file that a person opens elsewhere: it waits for the click. */
export const codePage = (action: string, manifest: string): string =>
  shell(
    `<p>This asks GitHub to make an App for your governance server. Nothing secret is in this page.</p>${form(action, manifest)}`,
  )

/** One sentence. */
export const donePage = (sentence: string): string => shell(`<p>${escapeHtml(sentence)}</p>`)
