import { createHmac, hash } from 'node:crypto'
import { webUrlOf } from './adapters/github/api-address.ts'
import { createGitHub } from './adapters/github/github.ts'
import { createWebhooks } from './adapters/github/webhook.ts'
import { policyFilesPort } from './adapters/policy-files/policy-files.ts'
import { requireSecurityKey } from './compose-deployment.ts'
import { outsideCopies, signingGate } from './compose-off-host.ts'
import { nonceKeyName, saltKeyName, witnessMemoryOf } from './compose-names.ts'
import { composePublishing } from './compose-publishing.ts'
import { acceleration } from './compose-acceleration.ts'
import type { Config } from './config/config.ts'
import { asRepositoryId, asSha256, explain } from './core/index.ts'
import { composeReaders } from './compose-readers.ts'
import { recordStart } from './compose-start.ts'
import { composeWitnessing, type Witnessing } from './compose-witness.ts'
import { createPublicServer } from './delivery/http/public-server.ts'
import { AppError, isLogFailure } from './flows/app-error.ts'
import { countKeyUse } from './flows/audit/counted-custody.ts'
import { eventOf, serverUser } from './flows/audit/event-of.ts'
import { createPlaceEvents } from './flows/audit/place-events.ts'
import { createQuorumEvents } from './flows/audit/quorum-events.ts'
import { createSecurityEvents, type SecurityEvents } from './flows/audit/security-events.ts'
import { createSigningRefusals } from './flows/audit/signing-refusals.ts'
import { challenge, challengeAnswer } from './flows/gate/challenge.ts'
import { createLandings } from './flows/record/landings-by-commit.ts'
import { releaseChallenge } from './flows/release/release-challenge.ts'
import { createClockWitness, unwitnessedClocks } from './flows/gate/clock-witness.ts'
import { createIntake } from './flows/gate/intake.ts'
import { createLowering } from './flows/gate/lowering.ts'
import { concernOf, createPipeline, recurringJob, recurringKinds } from './flows/gate/pipeline.ts'
import { currentNames } from './flows/gate/names.ts'
import { readiness } from './flows/gate/readiness.ts'
import { closeGaps } from './flows/gate/reconcile.ts'
import { createRecorder, type Recorder } from './flows/gate/recorder.ts'
import { createRecovery } from './flows/gate/recovery.ts'
import { createReplyBudget } from './flows/gate/replies.ts'
import { createRunner, type Runner } from './flows/gate/runner.ts'
import { createVerdictReader } from './flows/gate/verdict-reader.ts'
import type { LogPublisher } from './flows/record/publisher.ts'
import { createRecording, offHostHold, quorumHold } from './flows/record/recording.ts'
import { servedFiles } from './flows/record/served-files.ts'
import { gatedRecorder } from './flows/record/start-gate.ts'
import type { VerifierRelease } from './flows/record/verifier-release.ts'
import type {
  Clock,
  Custody,
  Journal,
  LogFiles,
  OffHost,
  Random,
  StorePorts,
  Telemetry,
  Timers,
} from './flows/ports.ts'

/** GitHub Actions on github.com: the App whose runs the author of a change can write the code of. */
const workflowAppId = 15_368

/** The salted name of a client's address. */
const hmac = (key: Uint8Array, text: string): string =>
  createHmac('sha256', key).update(`client/${text}`).digest('hex').slice(0, 32)

/** What the world hands to the server: everything it may not reach for by itself. */
export interface ServerParts {
  readonly config: Config
  readonly custody: Custody
  readonly store: StorePorts
  /** Where the public files of the decision log lie, and the second place that has them first. */
  readonly logFiles: LogFiles
  readonly offHost: Pick<OffHost, 'name' | 'files'> | null
  readonly journal: Journal
  /** Where refusals to sign wait until they can be entries. */
  readonly refusals: Journal
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly telemetry: Telemetry
  /** The verifier that this software carries; the log tells of it when it is another than before. */
  readonly verifier?: VerifierRelease
}

export interface Server {
  readonly runner: Runner
  readonly publisher: LogPublisher
  /** Keeps the off-host copy of the security log; null where no off-host place is configured. */
  readonly securityCopy: LogPublisher | null
  readonly events: SecurityEvents
  readonly witnessing: Witnessing
  /**
   * Resolves with the address once webhooks are taken.
   * @throws AppError log-ahead, log-file-differs, log-files-unavailable, witness-unreachable before anything was signed
   */
  start(): Promise<{ readonly host: string; readonly port: number }>
  /** Takes nothing new, lets work end for up to `deadlineMs`, closes the store. */
  stop(deadlineMs: number): Promise<void>
}

/**
 * Puts the parts together: configuration in, a running server out. Reads top to bottom; nothing is decided here.
 * @throws AppError custody-refused, custody-not-found, config-invalid
 */
export async function composeServer(parts: ServerParts): Promise<Server> {
  const { config, store: ports, logFiles, offHost, journal, clock, timers, random, telemetry } = parts
  const { store, deliveries, jobs, changes, registry, statements, log, security, memory } = ports
  const { origin } = config.log
  await requireSecurityKey(parts.custody)
  // Custody is asked before there is a log to say so.
  let noted: SecurityEvents | null = null
  const counted = countKeyUse(parts.custody, () => noted)
  const { custody } = counted
  const webhookSecrets = await Promise.all(config.github.webhookSecrets.map(({ keystore }) => custody.reveal(keystore)))
  const nonceKey = await custody.reveal(nonceKeyName)
  const saltKey = await custody.reveal(saltKeyName)

  const told = { events: () => events, clock, timers }
  const quorum = createQuorumEvents({ ...told, security })
  const witnessing = await composeWitnessing(config, {
    custody,
    clock,
    timers,
    telemetry,
    acceleration,
    log,
    directory: witnessMemoryOf(config.data.directory),
    onReport: (report) => quorum.saw(report),
  })
  const github = createGitHub({
    apiUrl: config.github.apiUrl,
    appId: config.github.appId,
    privateKey: async () => new TextDecoder().decode(await custody.reveal(config.github.privateKey.keystore)),
    clock,
    timers,
    random,
    telemetry,
  })
  const logWriter = createRecorder({ origin, store, log, security, custody, clock, random, acceleration })
  const readers = await composeReaders(config.log, { registry, telemetry, custody })
  const publishing = composePublishing({
    origin,
    store: ports,
    logFiles,
    offHost,
    cosigner: witnessing.cosigner,
    telemetry,
    timers,
    acceleration,
    before: () => readers.known.refresh(),
    onTurn: createPlaceEvents(told),
    onPublished: () => void recording.progressed(),
    onCosigned: (size) => void clockWitness.cosigned(size),
  })
  const refusals = createSigningRefusals({
    journal: parts.refusals,
    log,
    security,
    userId: serverUser,
    clock,
    random,
    telemetry,
  })
  const gate = signingGate(
    offHost === null ? [] : outsideCopies(offHost, origin, ports, custody, acceleration),
    witnessing.source,
    { ownFiles: () => publishing.decisions.check(), onRefused: (error) => refusals.keep(error) },
  )
  // The gate stands before the publisher too: a refused server that filled an empty place would open its own way.
  const gated = gatedRecorder({ record: (build) => logWriter.record(build).finally(() => publishing.wake()) }, gate)
  const recorder: Recorder = {
    // A record leaves jobs behind, which need not wait until the job that made it has ended as well.
    record: (build) =>
      gated
        .record(build)
        .catch((error: unknown) => {
          if (error instanceof AppError && isLogFailure(error)) events.logFailed(error.code)
          throw error
        })
        .finally(() => runner.wake()),
  }
  const events = createSecurityEvents({
    origin,
    recorder: gated,
    security,
    copiedHead: publishing.copiedHead,
    takeKeyUse: () => counted.take(),
    clock,
    timers,
    random,
    telemetry,
  })
  noted = events
  const clockWitness =
    witnessing.policyForOthers === null || !witnessing.isRequiredForGreen
      ? unwitnessedClocks
      : createClockWitness({
          ...{ memory, registry, changes, store, clock, telemetry },
          witnessPolicy: witnessing.policyForOthers,
          wake: () => runner.wake(),
        })
  const recording = createRecording({
    holds: [
      ...(offHost === null ? [] : [offHostHold(publishing.decisions)]),
      ...(witnessing.cosigner !== null && witnessing.isRequiredForGreen ? [quorumHold(witnessing.cosigner)] : []),
    ],
    store,
    clock,
    telemetry,
    wake: () => runner.wake(),
  })
  const verdicts = createVerdictReader(memory)
  const lowering = createLowering({
    changes,
    registry,
    checks: github.checks,
    journal,
    telemetry,
    timers,
    now: () => clock.now(),
    appId: config.github.appId,
    onHalt: () => recovery.watch(),
  })
  const intake = createIntake({
    webhooks: createWebhooks({ secrets: webhookSecrets }),
    store,
    deliveries,
    clock,
    telemetry,
    events,
    digest: (bytes) => asSha256(hash('sha256', bytes, 'hex')),
    wake: () => runner.wake(),
    onPrivate: (repository) => readers.known.close(repository),
    onUnstored: (event) => {
      events.logFailed('store-unavailable')
      void lowering.lowerFor(event)
    },
  })
  const gaps = { deliveries, forgeDeliveries: github.deliveries, intake, memory, clock, telemetry }
  const recovery = createRecovery({
    lowering,
    store,
    changes,
    registry,
    memory,
    recorder,
    timers,
    telemetry,
    closeGaps: () => closeGaps(gaps),
    wake: () => runner.wake(),
  })
  const challengeNeeds = {
    registry,
    changes,
    statements,
    memory,
    verdicts,
    nonceKey,
    origin,
    clock,
    landings: createLandings(log),
    log,
    webUrl: webUrlOf(config.github.apiUrl),
  }
  const runner = createRunner({
    jobs,
    store,
    clock,
    timers,
    random,
    telemetry,
    onUnrecorded: async (job) => {
      const concern = concernOf(job)
      if (concern !== null) await lowering.lowerFor(concern)
    },
    handlers: createPipeline({
      ...challengeNeeds,
      reader: github.reader,
      history: github.history,
      checks: github.checks,
      comments: github.comments,
      forgeDeliveries: github.deliveries,
      policyFiles: policyFilesPort,
      store,
      deliveries,
      telemetry,
      events,
      recorder,
      intake,
      lowering,
      shownSuccesses: lowering,
      readers: readers.known,
      recording,
      clockWitness,
      isWitnessed: gate.isWitnessed,
      recovery,
      publishLog: () => publishing.wake(),
      replies: createReplyBudget(clock),
      saltKey,
      workflowAppId,
      acceleration,
      publicUrl: config.http.publicUrl,
      appId: config.github.appId,
      schedule: {
        reconcileEveryMs: 300_000,
        pruneEveryMs: 3_600_000,
        payloadRetentionMs: config.data.payloadDays * 86_400_000,
      },
    }),
  })

  const server = createPublicServer({
    http: config.http,
    intake,
    clock,
    timers,
    telemetry,
    events,
    clientUser: (address) => `client:${hmac(saltKey, address)}`,
    readiness: () =>
      readiness({
        origin,
        store,
        registry,
        log,
        custody,
        acceleration,
        isWitnessed: gate.isWitnessed,
        publishedSize: () => publishing.decisions.published().size,
        security,
        copiedSizes: () => publishing.copiedSizes(),
        quorum: () => (witnessing.cosigner === null ? null : (witnessing.cosigner.newest()?.met ?? false)),
      }),
    logFiles: servedFiles(logFiles, memory),
    logAdmission: readers.admission,
    challenge: async ({ owner, repo, ...asked }) =>
      challengeAnswer(await challenge(challengeNeeds, { ...asked, repository: `${owner}/${repo}` })),
    releaseChallenge: async ({ owner, repo, ...asked }) =>
      challengeAnswer(await releaseChallenge(challengeNeeds, { ...asked, repository: `${owner}/${repo}` })),
    details: async ({ owner, repo, number }) => {
      const name = `${owner}/${repo}`.toLowerCase()
      const repository = (await registry.repositories()).find((known) => known.name.toLowerCase() === name)
      if (repository === undefined || repository.private) return null
      const record = await changes.find(asRepositoryId(repository.id), number)
      return record?.verdict == null
        ? null
        : explain(await verdicts.existing(record.verdict.digest), 'plain', await currentNames(registry))
    },
  })

  return {
    runner,
    publisher: publishing.decisions,
    securityCopy: publishing.security,
    events,
    witnessing,
    async start() {
      // Before the gate: two servers that witness each other and are started together find each other's witness up.
      await witnessing.server?.listen()
      try {
        // Before anything is signed, and before anything is published: both would hide that the log was rolled back.
        await gate.pass()
        await readers.known.refresh()
      } catch (error) {
        await witnessing.server?.stop()
        throw error
      }
      await quorum.load()
      await refusals.record(gated)
      await lowering.load()
      await store.commit(recurringKinds.map((kind) => recurringJob(kind, clock.now())))
      const configDigest = await recordStart({ recorder: gated, log, memory, telemetry }, config, parts.verifier)
      const address = await server.listen()
      runner.start()
      publishing.wake()
      const details = { config: configDigest }
      events.note(eventOf('server-started', { userId: serverUser, resource: 'deployment', action: 'start', details }))
      telemetry.event('started', 'info', { port: address.port, origin })
      return address
    },
    async stop(deadlineMs) {
      await server.stop(deadlineMs)
      await witnessing.server?.stop()
      const unfinished = await runner.stop(deadlineMs)
      const details = { unfinished }
      events.note(eventOf('server-stopped', { userId: serverUser, resource: 'deployment', action: 'stop', details }))
      await events.stop()
      await publishing.stop()
      await store.close()
      telemetry.event('stopped', 'info')
    },
  }
}
