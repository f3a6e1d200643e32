import type { Argument, Command, Option } from 'commander'
import { createProgram } from './program.ts'

const escapeCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

function optionRow(option: Option): string {
  const isShown = option.defaultValue !== undefined && typeof option.defaultValue !== 'boolean'
  const words = [option.description, ...(isShown ? [`(default: ${String(option.defaultValue)})`] : [])].join(' ')
  return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${option.mandatory ? 'required; ' : ''}${escapeCell(words)} |`
}

const argumentText = ({ required, variadic, name }: { required: boolean; variadic: boolean; name: string }): string =>
  required ? `<${name}${variadic ? '...' : ''}>` : `[${name}${variadic ? '...' : ''}]`

const usageOf = (path: string, command: Command): string =>
  [
    path,
    ...command.registeredArguments.map((argument: Argument) =>
      argumentText({ required: argument.required, variadic: argument.variadic, name: argument.name() }),
    ),
  ].join(' ')

function sectionsOf(command: Command, path: string): string[] {
  if (command.commands.length > 0)
    return command.commands.flatMap((child) => sectionsOf(child, `${path} ${child.name()}`))
  const options = command.options.map(optionRow)
  const table = options.length === 0 ? [] : ['', '| option | |', '| --- | --- |', ...options]
  return [['', `## \`${usageOf(path, command)}\``, '', `${command.description()}.`, ...table].join('\n')]
}

const head = `# Commands

Made by \`npm run generate\` from the commands themselves. Every command prints for people; \`--json\` prints one JSON value.
Answers go to standard output, everything else to standard error.

| exit code | meaning |
| --- | --- |
| 0 | good: done, or the answer is yes |
| 1 | not good: the answer is known and it is no |
| 2 | unknown: the world refused, or something is broken |
| 64 | the command line cannot be understood |
`

/** The reference of all commands as Markdown. */
export function commandsPage(): string {
  // Nothing runs while the tree is built, so nothing is needed.
  const { command } = createProgram({ version: '' } as Parameters<typeof createProgram>[0])
  return `${head}${sectionsOf(command, 'governance').join('\n')}\n`
}
