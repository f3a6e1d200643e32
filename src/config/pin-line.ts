import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import type { Config } from './config.ts'
import { parseConfig } from './load-config.ts'

/**
 * Replaces the value of the one line that `line` matches, and nothing else, in one rename.
 *
 * @throws RangeError when the file holds no such line, or more than one, or would not be valid afterwards
 */
function pinLine(file: string, line: RegExp, value: string, isPinned: (config: Config) => boolean): void {
  const text = readFileSync(file, 'utf8')
  if ((text.match(line) ?? []).length !== 1) throw new RangeError('the file does not hold exactly one such line')
  const next = text.replace(line, (_all, start: string) => `${start}${value}`)
  const parsed = parseConfig(next, {})
  if (!parsed.ok || !isPinned(parsed.config)) throw new RangeError('the file would not be valid')
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

/** Replaces the digest that `policy.genesis` pins. @throws RangeError as `pinLine` */
export function pinGenesis(file: string, digest: string): void {
  const line = /^(\s*genesis\s*=\s*)"sha256:[0-9a-f]{64}"/gm
  pinLine(file, line, `"sha256:${digest}"`, ({ policy }) => policy.genesis === digest)
}

/** Replaces the origin that `log.origin` names; a file that names this one is left as it is. @throws RangeError as `pinLine` */
export function pinOrigin(file: string, origin: string): void {
  const parsed = parseConfig(readFileSync(file, 'utf8'), {})
  if (parsed.ok && parsed.config.log.origin === origin) return
  pinLine(file, /^(\s*origin\s*=\s*)"[^"\n]*"/gm, JSON.stringify(origin), ({ log }) => log.origin === origin)
}
