import { securityCopy } from './compose-off-host.ts'
import type { Acceleration } from './core/index.ts'
import type { LogFiles, LogName, OffHost, StorePorts, Telemetry, Timers } from './flows/ports.ts'
import type { Cosigner } from './flows/record/cosign.ts'
import { createLogPublisher, type LogPublisher, type PlaceTurn } from './flows/record/publisher.ts'

/** What writes the files of both logs behind the database. */
export interface Publishing {
  readonly decisions: LogPublisher
  /** Keeps the off-host copy of the security log; null where no off-host place is configured. */
  readonly security: LogPublisher | null
  /** The newest signed head of the security log that its copy shows, null while it shows none; null itself without a copy. */
  readonly copiedHead: (() => string | null) | null
  /** Sizes of the heads that the off-host copies show; null without copies. */
  copiedSizes(): { readonly [log in LogName]: number } | null
  /** Says that something was recorded, in whichever log. */
  wake(): void
  stop(): Promise<void>
}

export function composePublishing(parts: {
  readonly origin: string
  readonly store: Pick<StorePorts, 'store' | 'log' | 'security' | 'memory'>
  readonly logFiles: LogFiles
  readonly offHost: Pick<OffHost, 'files'> | null
  readonly cosigner: Cosigner | null
  readonly telemetry: Telemetry
  readonly timers: Timers
  readonly acceleration: Acceleration
  readonly before: () => Promise<void>
  readonly onTurn: (log: LogName, turn: PlaceTurn) => void
  readonly onPublished: () => void
  /** Told of the size of each head that the quorum cosigned, once it is kept. */
  readonly onCosigned: (size: number) => void
}): Publishing {
  const { origin, store, logFiles, offHost, cosigner, onTurn } = parts
  const shared = {
    memory: store.memory,
    telemetry: parts.telemetry,
    timers: parts.timers,
    acceleration: parts.acceleration,
  }
  const decisions = createLogPublisher({
    ...shared,
    name: 'decisions',
    origin,
    log: store.log,
    local: logFiles,
    offHost: offHost?.files('decisions') ?? null,
    cosigner,
    onCosigned: async (head) => {
      await parts.store.store.commit([{ kind: 'cosigned-head', ...head }])
      parts.onCosigned(head.size)
    },
    before: parts.before,
    onTurn: (turn) => onTurn('decisions', turn),
    onPublished: parts.onPublished,
  })
  if (offHost === null)
    return {
      decisions,
      security: null,
      copiedHead: null,
      copiedSizes: () => null,
      wake: () => decisions.wake(),
      stop: () => decisions.stop(),
    }
  let copiedHead: string | null = null
  const security = securityCopy(offHost, origin, store.security, {
    ...shared,
    onTurn: (turn) => onTurn('security', turn),
    onPublished: (_, note) => {
      copiedHead = note
    },
  })
  return {
    decisions,
    security,
    copiedHead: () => copiedHead,
    copiedSizes: () => ({
      decisions: decisions.published().offHostSize ?? 0,
      security: security.published().offHostSize ?? 0,
    }),
    wake() {
      decisions.wake()
      security.wake()
    },
    async stop() {
      await Promise.all([decisions.stop(), security.stop()])
    },
  }
}
