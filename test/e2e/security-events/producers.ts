import type { EventType } from '../../../src/flows/audit/catalogue.ts'
import { breakProducer } from './break-producers.ts'
import { deskProducers } from './desk-producers.ts'
import { gateProducers } from './gate-producers.ts'
import { later, type Producers } from './producer.ts'

/** Types whose cause is built by somebody else and is not wired yet. */
const awaited = {
  'witness-quorum-lost': later('witness'),
  'witness-quorum-regained': later('witness'),
  'log-signing-refused': later('witness'),
  'log-broken': breakProducer,
} as const

/** Every type of the catalogue and what causes it: a row of the catalogue without one here does not compile. */
export const producers: Producers<EventType> = { ...deskProducers, ...gateProducers, ...awaited }
