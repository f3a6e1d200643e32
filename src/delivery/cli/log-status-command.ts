import type { Command } from 'commander'
import {
  asInstant,
  formatInstant,
  inertPlain as inert,
  type Instant,
  meetsQuorum,
  parseCheckpointBody,
  parseSignedNote,
  verifyCosignatures,
} from '../../core/index.ts'
import { lagOf } from '../../flows/record/copy-standing.ts'
import { countingWitnesses } from '../../flows/record/cosign.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { aligned, printJson } from './terminal.ts'

const sizeOf = (note: string | null): number | null => {
  const parsed = note === null ? undefined : parseSignedNote(note)
  const body = parsed?.ok ? parseCheckpointBody(parsed.text) : undefined
  return body?.ok ? body.checkpoint.size : null
}

/** One place of one log, as it is printed. */
interface PlaceLine {
  readonly log: string
  readonly place: string
  readonly reachable: boolean
  /** Of the head that it shows; null where it shows none of this log. */
  readonly size: number | null
  readonly behind: number
  /** When the first entry that it lacks was recorded. */
  readonly since: string | null
  readonly problem: string | null
}

const timeOf = (at: Instant | null): string | null => (at === null ? null : formatInstant(at))

async function placesOf({ store, offHost }: Deployment, published: number | null): Promise<readonly PlaceLine[]> {
  const { behind, since } = await lagOf(store.log, published ?? 0)
  const local = { reachable: true, size: published, behind, since: timeOf(since), problem: null }
  const copies = offHost === null ? [] : await offHost.standings()
  return [
    { log: 'decisions', place: 'local', ...local },
    ...copies.map((copy) => ({
      log: copy.log,
      place: copy.place,
      reachable: copy.state !== null,
      size: copy.state !== null && 'size' in copy.state ? copy.state.size : null,
      behind: copy.behind,
      since: timeOf(copy.since),
      problem: copy.problem,
    })),
  ]
}

/** How the head that is published stands to each witness that counts; null where no quorum is configured. */
async function witnessesOf(deployment: Deployment, note: string | null) {
  const asked = await deployment.roster()
  if (asked === null) return null
  const witnesses = countingWitnesses(asked)
  const keys = witnesses.map(({ key }) => key)
  const verified = note === null ? null : verifyCosignatures(note, keys)
  const states = witnesses.map(({ name, key }) => {
    const found = verified?.ok === true ? verified.cosignatures.find((one) => one.key === key) : undefined
    const time = found === undefined ? null : formatInstant(asInstant(found.time * 1_000))
    return { name, cosigned: found !== undefined, at: time }
  })
  const by = states.filter(({ cosigned }) => cosigned).map(({ name }) => name)
  return { states, by, isMet: meetsQuorum(asked.policy, by) }
}

function describe({ place, size, behind, since, problem, reachable }: PlaceLine): string {
  const name = inert(place)
  if (!reachable) return `${name}: NOT REACHABLE (${problem ?? ''}); ${behind} entries may be missing there`
  if (problem !== null) return `${name}: ${problem.toUpperCase()}${size === null ? '' : ` at ${size}`}`
  const lag = behind === 0 ? 'complete' : `${behind} behind since ${since ?? 'an unknown time'}`
  return `${name}: ${size === null ? 'nothing' : String(size)}, ${lag}`
}

/** `governance log status`: how far the log is signed, published, copied and witnessed. */
export function addLogStatusCommand(log: Command, needs: CliNeeds, finish: Finish): void {
  log
    .command('status')
    .description(
      'print how far the log is signed, published, copied off-host and witnessed; ends with 1 when the quorum is missing or a copy is not reachable or not of this log',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: { readonly config: string; readonly json?: true }) =>
      withDeployment(needs, config, 'read', async (deployment) => {
        const { settings, store } = deployment
        const head = await store.log.head()
        const signed = (await store.log.checkpoint())?.size ?? null
        const note = await deployment.publishedHead()
        const published = sizeOf(note)
        const places = await placesOf(deployment, published)
        const witnesses = await witnessesOf(deployment, note)
        const witnessed = witnesses?.isMet ?? null
        const by = witnesses?.by ?? []
        const missing = (witnesses?.states ?? []).filter(({ cosigned }) => !cosigned).map(({ name }) => name)
        const isGood = witnessed !== false && places.every(({ problem }) => problem === null)
        if (!isGood) finish(exitCode.notGood)
        if (json)
          return printJson(needs.terminal, {
            ok: isGood,
            origin: settings.log.origin,
            size: head.size,
            signed,
            published,
            places,
            witnessed,
            by,
            missing,
            witnesses: witnesses?.states ?? [],
          })
        const quorum = witnessed === null ? 'unwitnessed' : witnessed ? 'met' : 'MISSING'
        needs.terminal.out(
          aligned([
            ['log', settings.log.origin],
            ['entries', String(head.size)],
            ['signed', signed === null ? 'nothing' : String(signed)],
            ['published', published === null ? 'nothing' : String(published)],
            ...places.map((place) => [place.log, describe(place)]),
            ...(places.length > 1 ? [] : [['off-host', 'none']]),
            ['quorum', quorum],
            ...(witnesses?.states ?? []).map(({ name, at }) => [
              'witness',
              at === null ? `${name}: SILENT` : `${name}: cosigned at ${at}`,
            ]),
          ]),
        )
      }),
    )
}
