import { lstatSync } from 'node:fs'
import { dataFiles } from './compose-deployment.ts'
import { loadConfig } from './config/load-config.ts'
import type { CheckResult } from './delivery/cli/needs.ts'

const leastNode = 24

/** One file or directory: there, ours, closed to others, no link. */
function examinePath(name: string, path: string, isDirectory: boolean): CheckResult {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  const fail = (message: string, remedy: string): CheckResult => ({ name, outcome: 'fail', message, remedy })
  if (stat === undefined) return fail(`${path} does not exist`, 'Restore it from the backup, or run `governance init`.')
  if (stat.isSymbolicLink()) return fail(`${path} is a symbolic link`, 'Name the file itself.')
  if (isDirectory !== stat.isDirectory()) return fail(`${path} is not what it should be`, 'Restore it from the backup.')
  if (stat.uid !== process.geteuid?.()) return fail(`${path} belongs to another user`, `chown it to the server's user.`)
  if ((stat.mode & 0o077) !== 0) return fail(`${path} is open to others`, `chmod ${isDirectory ? 700 : 600} ${path}`)
  return { name, outcome: 'ok', message: path, remedy: null }
}

/** Everything about this machine and the deployment's files that can be said before anything is opened. */
export function examineFiles(configFile: string): readonly CheckResult[] {
  const [major = '0'] = process.versions.node.split('.')
  const node: CheckResult =
    Number(major) >= leastNode
      ? { name: 'node', outcome: 'ok', message: `Node ${process.versions.node}`, remedy: null }
      : {
          name: 'node',
          outcome: 'fail',
          message: `Node ${process.versions.node} is too old`,
          remedy: `Start it by bin/governance, or install Node ${leastNode} or newer.`,
        }
  const loaded = loadConfig({ file: configFile })
  if (!loaded.ok)
    return [
      node,
      ...loaded.problems.map(
        ({ path, message, remedy }): CheckResult => ({
          name: 'configuration',
          outcome: 'fail',
          message: `${path} ${message}`,
          remedy,
        }),
      ),
    ]
  const { data, unlock } = loaded.config
  const files = dataFiles(data.directory)
  return [
    node,
    { name: 'configuration', outcome: 'ok', message: configFile, remedy: null },
    examinePath('data directory', data.directory, true),
    examinePath('database file', files.database, false),
    examinePath('keystore file', files.keystore, false),
    unlock.keyFile === null
      ? {
          name: 'unlock',
          outcome: 'warn',
          message: 'no key file: a person has to type the passphrase at each start',
          remedy: 'Set GOVERNANCE_UNLOCK_KEY_FILE where the server must start by itself.',
        }
      : examinePath('unlock key', unlock.keyFile, false),
  ]
}
