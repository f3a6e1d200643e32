import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { parseConfig } from './load-config.ts'

const line = /^(\s*genesis\s*=\s*)"sha256:[0-9a-f]{64}"/gm

/**
 * Replaces the digest that `policy.genesis` pins, and nothing else, in one rename.
 *
 * @throws RangeError when the file holds no such line, or more than one, or would not be valid afterwards
 */
export function pinGenesis(file: string, digest: string): void {
  const text = readFileSync(file, 'utf8')
  if ((text.match(line) ?? []).length !== 1) throw new RangeError('the file does not hold exactly one genesis line')
  const next = text.replace(line, (_all, start: string) => `${start}"sha256:${digest}"`)
  const parsed = parseConfig(next, {})
  if (!parsed.ok || parsed.config.policy.genesis !== digest) throw new RangeError('the file would not be valid')
  const neighbour = `${file}.new`
  const fd = openSync(neighbour, 'wx', statSync(file).mode & 0o777)
  try {
    writeSync(fd, next)
    fsyncSync(fd)
  } catch (error) {
    rmSync(neighbour, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  renameSync(neighbour, file)
}
