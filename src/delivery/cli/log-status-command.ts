import type { Command } from 'commander'
import { meetsQuorum, parseCheckpointBody, parseSignedNote, verifyCosignatures } from '../../core/index.ts'
import { countingWitnesses } from '../../flows/record/cosign.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { aligned, printJson } from './terminal.ts'

const sizeOf = (note: string | null): number | null => {
  const parsed = note === null ? undefined : parseSignedNote(note)
  const body = parsed?.ok ? parseCheckpointBody(parsed.text) : undefined
  return body?.ok ? body.checkpoint.size : null
}

/** `governance log status`: how far the log is signed, published and witnessed; ends with 1 when a quorum is missing. */
export function addLogStatusCommand(log: Command, needs: CliNeeds, finish: Finish): void {
  log
    .command('status')
    .description('print how far the log is signed, published and witnessed; ends with 1 when the quorum is missing')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: { readonly config: string; readonly json?: true }) =>
      withDeployment(needs, config, 'read', async (deployment) => {
        const { settings, store } = deployment
        const head = await store.log.head()
        const signed = (await store.log.checkpoint())?.size ?? null
        const note = await deployment.publishedHead()
        const published = sizeOf(note)
        const asked = await deployment.roster()
        const witnesses = asked === null ? [] : countingWitnesses(asked)
        const verified =
          note === null
            ? null
            : verifyCosignatures(
                note,
                witnesses.map(({ key }) => key),
              )
        const by = witnesses
          .filter(({ key }) => verified?.ok === true && verified.cosignatures.some((one) => one.key === key))
          .map(({ name }) => name)
        const missing = witnesses.map(({ name }) => name).filter((name) => !by.includes(name))
        const witnessed = asked === null ? null : meetsQuorum(asked.policy, by)
        if (witnessed === false) finish(exitCode.notGood)
        if (json)
          return printJson(needs.terminal, {
            ok: witnessed !== false,
            origin: settings.log.origin,
            size: head.size,
            signed,
            published,
            witnessed,
            by,
            missing,
          })
        const quorum = witnessed === null ? 'unwitnessed' : witnessed ? 'met' : 'MISSING'
        needs.terminal.out(
          aligned([
            ['log', settings.log.origin],
            ['entries', String(head.size)],
            ['signed', signed === null ? 'nothing' : String(signed)],
            ['published', published === null ? 'nothing' : String(published)],
            ['quorum', quorum],
            ...(witnessed === null
              ? []
              : [
                  ['cosigned by', by.join(', ') || 'nobody'],
                  ['silent', missing.join(', ') || 'nobody'],
                ]),
          ]),
        )
      }),
    )
}
