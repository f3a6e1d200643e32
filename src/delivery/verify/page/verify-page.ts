import { type Judgement, judge, verdictWords } from '../judge.ts'

const element = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  text: string,
  className?: string,
): HTMLElementTagNameMap[K] => {
  const made = document.createElement(name)
  made.textContent = text
  if (className !== undefined) made.className = className
  return made
}

const byId = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page lacks #${id}`)
  return found
}

/** What was handed in so far; a newer file of a kind replaces the older one. */
const held: {
  evidence: { name: string; bytes: Uint8Array } | null
  trust: { name: string; bytes: Uint8Array } | null
} = {
  evidence: null,
  trust: null,
}

function show(judgement: Judgement): void {
  const result = byId('result')
  result.replaceChildren()
  result.dataset['verdict'] = judgement.verdict
  result.append(
    element('h2', judgement.verdict, `verdict ${judgement.verdict}`),
    element('p', verdictWords[judgement.verdict]),
  )
  const table = document.createElement('table')
  for (const { check, outcome, code, detail } of judgement.checks) {
    const row = table.insertRow()
    row.className = outcome
    for (const text of [outcome, check, code ?? '', detail ?? '']) row.append(element('td', text))
  }
  result.append(table)
  if (judgement.fingerprint !== null)
    result.append(element('p', `Trust file, to be compared by voice: ${judgement.fingerprint}`, 'fingerprint'))
}

function judgeHeld(): void {
  byId('files').textContent = [held.evidence, held.trust].map((file) => file?.name ?? '–').join(' · ')
  if (held.evidence !== null) show(judge(held.evidence.bytes, held.trust?.bytes ?? null))
}

const isTrust = (bytes: Uint8Array): boolean =>
  bytes.length < 65_537 && new TextDecoder().decode(bytes).includes('"kind":"governance-trust"')

async function take(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    const bytes = new Uint8Array(await file.arrayBuffer())
    held[isTrust(bytes) ? 'trust' : 'evidence'] = { name: file.name, bytes }
  }
  judgeHeld()
}

const input = byId('choose') as HTMLInputElement
input.addEventListener('change', () => void take(input.files ?? []))
for (const name of ['dragover', 'drop'] as const)
  document.addEventListener(name, (event) => {
    event.preventDefault()
    if (name === 'drop') void take(event.dataTransfer?.files ?? [])
  })
document.documentElement.dataset['ready'] = 'true'
