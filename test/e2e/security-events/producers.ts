import type { EventType } from '../../../src/flows/audit/catalogue.ts'
import { breakProducer } from './break-producers.ts'
import { deskProducers } from './desk-producers.ts'
import { gateProducers } from './gate-producers.ts'
import type { Producers } from './producer.ts'

/** Every type of the catalogue and what causes it: a row of the catalogue without one here does not compile. */
export const producers: Producers<EventType> = { ...deskProducers, ...gateProducers, 'log-broken': breakProducer }
