import { asInstant, bytesDigest, encodeUtf8, type RepositoryId } from '../../core/index.ts'
import { eventOf, repositoryResource, serverUser } from '../audit/event-of.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { FindingRecord, Memory, Telemetry, Write } from '../ports.ts'
import { type EntryDraft, type Subject, serverActor } from './entries.ts'
import type { Moment, Recorder } from './recorder.ts'

export interface FindingNeeds {
  readonly recorder: Recorder
  readonly memory: Memory
  readonly telemetry: Telemetry
}

/** Something on the forge that no verdict explains. */
export interface Finding {
  readonly code: string
  /** What makes it one finding and not another of the same code: a commit, a number, a run. */
  readonly key: string
  readonly repository: RepositoryId | null
  readonly subject: Subject
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

/** The entry, the event and the row of a finding at a moment, as the `position`-th entry of its draft. */
export function findingDraft(
  finding: Finding,
  moment: Moment,
  position: number,
): { readonly entry: EntryDraft; readonly event: SecurityEvent; readonly write: Write } {
  const record: FindingRecord = {
    id: findingId(finding),
    code: finding.code,
    repository: finding.repository,
    at: asInstant(moment.at),
    entry: moment.indexOf(position),
    data: finding.detail,
  }
  return {
    entry: {
      type: 'finding',
      actor: serverActor,
      subject: finding.subject,
      data: { code: finding.code, detail: finding.detail },
    },
    event: eventOf('finding-recorded', {
      userId: serverUser,
      resource: finding.repository === null ? 'deployment' : repositoryResource(finding.repository),
      action: 'observe',
      details: { code: finding.code, entry: record.entry },
    }),
    write: { kind: 'finding', record },
  }
}

const findingId = (finding: Finding): string =>
  bytesDigest(encodeUtf8(`${finding.code}\n${finding.repository ?? ''}\n${finding.key}`)).slice(0, 32)

/** Records a finding once; the same one again is not a second. */
export async function recordFinding(needs: FindingNeeds, finding: Finding): Promise<void> {
  const id = findingId(finding)
  if ((await needs.memory.findings(1_000)).some((known) => known.id === id)) return
  await needs.recorder.record((moment) => {
    const { entry, event, write } = findingDraft(finding, moment, 0)
    return { entries: [entry], events: [event], writes: [write], result: undefined }
  })
  needs.telemetry.event('finding', 'warn', { code: finding.code, ...finding.detail })
  needs.telemetry.count('findings', { code: finding.code })
}
