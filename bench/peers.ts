import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Installs what the product is measured against into a folder of its own, once. Returns null when it is there, otherwise
 * why it is not.
 */
export function preparePeers(progress: (text: string) => void): string | null {
  const folder = join(import.meta.dirname, 'peers')
  const isThere = (): boolean => existsSync(join(folder, 'node_modules', 'probot', 'package.json'))
  if (isThere()) return null
  progress('peers: npm ci in bench/peers')
  const { status, error, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (status === 0 && isThere()) return null
  const why = error?.message ?? stderr.split('\n').find((line) => line.includes('error')) ?? `npm ended with ${status}`
  return `Probot cannot be installed (${why.trim()})`
}
