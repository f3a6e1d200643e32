import { AppError } from '../app-error.ts'
import type { EventDraft, Recorder } from '../gate/recorder.ts'
import type { Write } from '../ports.ts'

/** Makes events durable, together with the rows that they tell of. @throws AppError what the log refuses with */
export async function recordEvents(
  recorder: Recorder,
  events: readonly EventDraft[],
  writes: readonly Write[] = [],
): Promise<void> {
  const recorded = await recorder.record(() => ({ entries: [], events, writes, result: undefined }))
  if (!recorded.ok) throw new AppError('store-unavailable', `the events met ${recorded.conflict}`)
}
