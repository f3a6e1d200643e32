/** Eventual consistency: lists show what was true some reads or some time ago. */
import type { Clock, Json } from './world.ts'

/** How far lists are behind writes. */
export type LagSettings = { reads?: number; ms?: number }

/** Remembers for each written object what readers still see. */
export type Lag = {
  /** From now on writes stay unseen in lists for so many list reads or so long; `{}` ends it for new writes. */
  set: (settings: LagSettings) => void
  /** Called before (`previous` = shape so far) or at the making (`null`) of an object. */
  note: (item: object, previous: Json | null) => void
  /** What a list shows of the object now: its current shape, an older one, or nothing. */
  view: (item: object, current: () => Json) => Json | null
}

/** A lag that is off until `set`. */
export function createLag(clock: Clock): Lag {
  let settings: LagSettings = {}
  const pending = new WeakMap<object, { previous: Json | null; readsLeft: number; until: number }>()
  return {
    set: (next) => {
      settings = next
    },
    note: (item, previous) => {
      if (settings.reads === undefined && settings.ms === undefined) return
      const readsLeft = settings.reads ?? Number.POSITIVE_INFINITY
      const until = settings.ms === undefined ? Number.POSITIVE_INFINITY : clock.now() + settings.ms
      const older = pending.get(item)
      pending.set(item, { previous: older === undefined ? previous : older.previous, readsLeft, until })
    },
    view: (item, current) => {
      const state = pending.get(item)
      if (state === undefined) return current()
      if (state.readsLeft <= 0 || clock.now() >= state.until) {
        pending.delete(item)
        return current()
      }
      state.readsLeft--
      return state.previous
    },
  }
}
