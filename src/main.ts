import { composeCli } from './compose-cli.ts'
import { runCommandLine } from './delivery/cli/program.ts'
import { processTerminal } from './delivery/cli/process-terminal.ts'

process.exitCode = await runCommandLine(process.argv.slice(2), composeCli(processTerminal()))
