import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { dataFiles } from '../../../src/compose-deployment.ts'
import { good, makeRoot, newOrigin, oldOrigin, signBreak } from '../log-ending.ts'
import { desk } from './producer.ts'

/** Ends the log of the desk, by the root that an earlier producer certified its keys with, or by one of its own. */
export const breakProducer = desk(async (d) => {
  const config = ['--config', d.config]
  const known = join(d.folder, 'root.secret')
  const shown = ['log', 'root', 'show', '--origin', oldOrigin, '--root-file', known]
  const root = existsSync(known)
    ? { root: (await good(d, ...shown)).trim(), file: known }
    : await makeRoot(d, 'break-root')
  const { key } = JSON.parse(await good(d, 'log', 'key', 'show', ...config, '--json')) as { key: string }
  const next = (await good(d, 'log', 'key', 'prepare', ...config, '--origin', newOrigin)).trim()
  await good(d, 'log', 'publish', ...config)
  const checkpoint = join(dataFiles(d.dataDirectory).decisions, 'checkpoint')
  const signed = { checkpoint, key, next, rootFile: root.file }
  const file = await signBreak(d, 'break.note', signed)
  await good(d, 'log', 'restart', file, ...config, '--root', root.root, '--yes')
})
