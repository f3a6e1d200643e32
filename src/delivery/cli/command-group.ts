import type { Command } from 'commander'

/** The command under which others of one word stand, made by the first that asks for it. */
export function groupOf(parent: Command, name: string, description: string): Command {
  return parent.commands.find((command) => command.name() === name) ?? parent.command(name).description(description)
}
