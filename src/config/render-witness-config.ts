import type { WitnessServeConfig } from './config.ts'
import { quote } from './render-config.ts'

/** Writes a commented `witness.toml` that `loadWitnessConfig` reads back. Every value is quoted, so none can add a line. */
export function renderWitnessConfig({ name, listen, logs }: WitnessServeConfig, directory: string): string {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return `# witness.toml: a witness of transparency logs (C2SP tlog-witness). Its key lies in the keystore of the data directory.

[witness]
# Name in its cosignatures; it never changes.
name = ${quote(name)}
# Address it listens on. Keep it on the loopback and put a TLS proxy in front.
listen = ${quote(`${host}:${listen.port}`)}
# Verifier keys of the logs that it watches, as \`governance log key show\` prints them.
logs = [
${logs.map((log) => `  ${quote(log)},\n`).join('')}]

[data]
# Keystore, and the newest head of each log. Whoever rolls this directory back lets the logs be rolled back unseen.
directory = ${quote(directory)}
`
}
