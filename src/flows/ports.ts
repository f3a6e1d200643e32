/**
 * Everything the server needs from the world: few, narrow, contractual interfaces. Each comment says what is durable, what
 * may be stale, and which way an error may fall.
 */
export type * from './ports/world.ts'
export type * from './ports/store-records.ts'
export type * from './ports/store-write.ts'
export type * from './ports/store-read.ts'
export type * from './ports/forge.ts'
export type * from './ports/webhooks.ts'
export type * from './ports/record.ts'
export type * from './ports/anchor.ts'
export type * from './ports/git.ts'
