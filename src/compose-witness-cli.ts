import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createKeystore, openKeystore } from './adapters/custody/encrypted-file.ts'
import { readKeyFile } from './adapters/custody/key-file.ts'
import { createPrivateFile } from './adapters/custody/private-file.ts'
import type { Unlock } from './adapters/custody/unlock.ts'
import { createTelemetry } from './adapters/telemetry/telemetry.ts'
import { witnessMemoryOf } from './compose-names.ts'
import { acceleration } from './compose-acceleration.ts'
import { dataFiles, decisionsFolder, unlockOf } from './compose-deployment.ts'
import { composeWitness, witnessKeyName } from './compose-witness.ts'
import type { WitnessConfig } from './config/config.ts'
import { loadWitnessConfig, parseWitnessConfig, readEnvironment } from './config/load-config.ts'
import { renderWitnessConfig } from './config/render-witness-config.ts'
import { formatWitnessKey, witnessKey } from './core/index.ts'
import { configRefusal } from './delivery/cli/config-refusal.ts'
import { exitCode } from './delivery/cli/exit-code.ts'
import type { WitnessCli } from './delivery/cli/needs.ts'
import { Refusal } from './delivery/cli/refusal.ts'
import { systemClock, systemRandom } from './system.ts'

const keystoreOf = (directory: string): string => dataFiles(directory).keystore

function configOf(file: string): WitnessConfig {
  const loaded = loadWitnessConfig({ file })
  if (!loaded.ok) throw configRefusal(loaded.problems)
  return loaded.config
}

function writeNewFile(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o644)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

async function newUnlock(
  keyFile: string | null,
  askNew: () => Promise<string>,
): Promise<{ readonly unlock: Unlock; readonly createdKeyFile: string | null }> {
  if (keyFile === null) return { unlock: { kind: 'passphrase', text: await askNew() }, createdKeyFile: null }
  if (existsSync(keyFile)) return { unlock: { kind: 'key', bytes: readKeyFile(keyFile) }, createdKeyFile: null }
  const bytes = systemRandom.bytes(32)
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 })
  createPrivateFile(keyFile, bytes)
  return { unlock: { kind: 'key', bytes }, createdKeyFile: keyFile }
}

/** What `governance witness` needs of files and custody. */
export function witnessCli(askNew: () => Promise<string>, ask: () => Promise<string>): WitnessCli {
  async function open(configFile: string, level: 'info' | 'error') {
    const config = configOf(configFile)
    const { witness, data, unlock } = config
    const custody = await openKeystore({ file: keystoreOf(data.directory), unlock: await unlockOf(unlock, ask) })
    const needs = { custody, clock: systemClock, telemetry: createTelemetry({ level }), acceleration }
    return composeWitness(witness, witnessMemoryOf(data.directory), needs)
  }

  return {
    keyName: witnessKeyName,
    async init({ configFile, directory: given, name, listen, logs }) {
      const directory = resolve(given)
      for (const path of [configFile, keystoreOf(directory)])
        if (existsSync(path))
          throw new Refusal('exists', `${path} exists and is left as it is`, {
            exit: exitCode.unknown,
            remedy: 'A witness is made once: with a new key it is another one. Name another place.',
          })
      const { keyFile, problems } = readEnvironment()
      const at = listen.lastIndexOf(':')
      const address = { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) }
      const text = renderWitnessConfig({ name, listen: address, logs }, directory)
      const trial = parseWitnessConfig(text, {})
      const wrong = [...(trial.ok ? [] : trial.problems), ...problems]
      if (wrong.length > 0) throw configRefusal(wrong)
      const { unlock, createdKeyFile } = await newUnlock(keyFile, askNew)
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      const custody = await createKeystore({ file: keystoreOf(directory), unlock })
      const key = witnessKey(name, await custody.generateEd25519(witnessKeyName))
      mkdirSync(dirname(resolve(configFile)), { recursive: true })
      writeNewFile(configFile, text)
      return { key: formatWitnessKey(key), createdKeyFile }
    },
    async serve(configFile) {
      const { server } = await open(configFile, 'info')
      return { ...(await server.listen()), stop: () => server.stop() }
    },
    async status(configFile) {
      const { witness } = await open(configFile, 'error')
      return { key: formatWitnessKey(await witness.key()), heads: await witness.heads() }
    },
  }
}

/** The newest head that a deployment has published, cosignatures and all; null where none was. */
export function readPublishedHead(directory: string, era: number): string | null {
  const path = join(decisionsFolder(directory, era), 'checkpoint')
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}
