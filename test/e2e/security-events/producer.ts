import type { TestContext } from 'node:test'
import type { EventType } from '../../../src/flows/audit/catalogue.ts'
import type { DiskSwitch, startBreakable } from '../../fault/green.ts'
import type { Desk } from '../cli-deployment.ts'
import type { Deployment } from '../deployment.ts'

export type ServerOptions = NonNullable<Parameters<typeof startBreakable>[1]>

/** How one type of event is caused from outside: over HTTP, on the forge, at the command line, by the disk or by custody. */
export type Producer =
  /** On a server of its own in this process, before the stand-in of the forge. */
  | {
      readonly stage: 'gate'
      readonly cause: (d: Deployment, disk: DiskSwitch) => Promise<void>
      /** Makes what the server is started with. */
      readonly prepare: (t: Pick<TestContext, 'after'>) => Promise<ServerOptions>
    }
  /** At the command line, as processes, on one deployment for all of them, in the order of the table. */
  | { readonly stage: 'desk'; readonly cause: (desk: Desk) => Promise<void> }

export type Producers<T extends EventType> = Readonly<Record<T, Producer>>

export const gate = (
  cause: (d: Deployment, disk: DiskSwitch) => Promise<void>,
  prepare: (t: Pick<TestContext, 'after'>) => Promise<ServerOptions> = async () => ({}),
): Producer => ({ stage: 'gate', cause, prepare })
export const desk = (cause: (desk: Desk) => Promise<void>): Producer => ({ stage: 'desk', cause })
