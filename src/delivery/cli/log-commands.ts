import type { Command } from 'commander'
import { addLogEraseCommand } from './log-erase-command.ts'
import { addLogFileCommands } from './log-file-commands.ts'
import { addLogKeyCommands } from './log-key-commands.ts'
import { addLogOffHostCommands } from './log-off-host-commands.ts'
import { addLogRestartCommand } from './log-restart-command.ts'
import { addLogRootCommands } from './log-root-commands.ts'
import { addLogStatusCommand } from './log-status-command.ts'
import { addLogWatchCommand } from './log-watch-command.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'

/** `governance log …`: the transparency log and its keys. */
export function addLogCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  const log = program.command('log').description('the transparency log and its keys')
  addLogStatusCommand(log, needs, finish)
  addLogWatchCommand(log, needs, finish)
  addLogFileCommands(log, needs)
  addLogEraseCommand(log, needs, finish)
  addLogKeyCommands(log, needs)
  addLogRootCommands(log, needs)
  addLogRestartCommand(log, needs)
  addLogOffHostCommands(log, needs)
}
