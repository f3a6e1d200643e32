/** How a play is told: short lines for people, or one JSON value for machines. */
import { styleText } from 'node:util'
import type { Listener, Report, Row } from './steps.ts'

const width = 112

/** Cuts a text into lines at blanks; what is longer than a line is cut where it must be. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
    while (line.length > columns) {
      lines.push(line.slice(0, columns))
      line = line.slice(columns)
    }
  }
  return [...lines, line]
}

const columns: readonly { readonly head: string; readonly columns: number; readonly of: (row: Row) => string }[] = [
  { head: 'what was tried', columns: 32, of: ({ tried }) => tried },
  { head: 'what happened', columns: 32, of: ({ happened }) => happened },
  { head: 'reason code', columns: 21, of: ({ code }) => code ?? '–' },
  { head: 'recorded', columns: 16, of: ({ recorded }) => recorded },
]

function tableOf(rows: readonly Row[]): readonly string[] {
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => cell.padEnd(columns[at]?.columns ?? 0)).join('  ')}`.trimEnd()
  const rule = line(columns.map((column) => '─'.repeat(column.columns)))
  const lines = [line(columns.map(({ head }) => head)), rule]
  for (const row of rows) {
    const cells = columns.map((column) => wrap(column.of(row), column.columns))
    const height = Math.max(...cells.map((cell) => cell.length))
    for (let at = 0; at < height; at++) lines.push(line(cells.map((cell) => cell[at] ?? '')))
  }
  return [...lines, rule]
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** What is printed around the steps. */
export const humanLines = {
  opening: (): readonly string[] => [
    'governance-app: a pull request goes from red to green, then five attacks on it.',
    '',
    ...wrap(
      'Server, HTTP, HMAC, keys, encrypted database, decision log and command line are the real ones. GitHub is the ' +
        "project's own stand-in, and this demo owns the clock. Nothing leaves this machine.",
      width,
    ),
  ],
  closing: (report: Report): readonly string[] => [
    '',
    'What was tried, and what came of it',
    '',
    ...tableOf(report.steps.flatMap(({ rows }) => rows)),
    '',
    `All ${report.steps.length} steps came out as told, in ${seconds(report.ms)}. Nothing is left behind: the temporary folder is removed.`,
    '',
    'Where to look next',
    '  README.md                                what it is, and how to run it for your own repositories',
    '  docs/architecture.md                     the house: four rings, and the path of the data',
    '  src/core/policy/evaluate.ts              the judgement itself: pure, no clock, no network',
    '  spec/                                    what the signed and logged bytes mean, with test vectors',
    '  bin/governance policy requirement --help what a change of each layer and tier needs',
    '  bin/governance init --help               a deployment of your own',
    '  npm test                                 the same attacks and many more, by their ids',
  ],
  failed: (report: Report, log: string): readonly string[] => {
    const { failure } = report
    return [
      '',
      `The demo stopped: "${failure?.step ?? 'no step ran'}" did not come out as told.`,
      ...(failure === null
        ? []
        : [
            `  what      ${failure.what}`,
            ...(failure.expected === null ? [] : [`  expected  ${failure.expected}`]),
            `  seen      ${failure.seen}`,
          ]),
      `  log       ${log}   (what the server said, one JSON value per line)`,
    ]
  },
}

/** The whole report as one JSON value. */
export const jsonOf = (report: Report, log: string | null): string => JSON.stringify({ ...report, log }, null, 2)

/** Tells people, line by line, as it happens. */
export function humanListener(out: (text: string) => void): Listener {
  const print = (line: string): void => out(`${line}\n`)
  const indented = (text: string, indent: string): void => {
    for (const [at, line] of wrap(text, width - indent.length).entries())
      print(at === 0 ? indent + line : `${indent}  ${line}`)
  }
  return {
    stepStarts: (_id, title) => print(`\n${styleText('bold', title, { stream: process.stdout })}`),
    said: (line) => indented(line, '  '),
    quoted: (text) => {
      for (const line of text.split('\n')) {
        const indent = /^ */.exec(line)?.[0] ?? ''
        for (const [at, part] of wrap(line.slice(indent.length), width - 8 - indent.length).entries())
          print(styleText('dim', `  │ ${indent}${at === 0 ? '' : '    '}${part}`.trimEnd(), { stream: process.stdout }))
      }
    },
    stepEnds: ({ ok, ms }) => {
      const mark = ok
        ? styleText('green', '✓ as told', { stream: process.stdout })
        : styleText('red', '✗ NOT as told', { stream: process.stdout })
      print(`  ${mark} (${seconds(ms)})`)
    },
  }
}

/** Tells nobody anything: the report says it all at the end. */
export const silentListener: Listener = { stepStarts() {}, said() {}, quoted() {}, stepEnds() {} }
