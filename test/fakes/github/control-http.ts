/** The control API over HTTP: `POST /_control/call {"method": "commit", "args": […]}`. */
import type { IncomingMessage } from 'node:http'
import type { Control } from './control-api.ts'
import { RuleViolation } from './rulesets.ts'
import type { Clock } from './world.ts'

/** Answers control requests. */
export type ControlHandler = (request: IncomingMessage, body: Buffer) => Promise<{ status: number; json: unknown }>

/** A clock that a test moves. */
export type MovableClock = Clock & { advance: (ms: number) => void; set: (at: number) => void }

/** Real time plus an offset that can be changed. */
export function movableClock(start: () => number = () => Date.now()): MovableClock {
  let offset = 0
  return {
    now: () => start() + offset,
    advance: (ms) => {
      offset += ms
    },
    set: (at) => {
      offset = at - start()
    },
  }
}

/** `{"base64": "…"}` stands for bytes in arguments. */
const revive = (_key: string, value: unknown): unknown => {
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 1 && 'base64' in value)
    return Buffer.from(String(value.base64), 'base64')
  return value
}

/** Calls a method of the control API by its dotted name (`commit`, `faults.failNext`, `clock.advance`). */
export function controlHandler(control: Control, clock: Clock): ControlHandler {
  const roots: Record<string, unknown> = { ...control, clock }
  return async (request, body) => {
    if (request.method !== 'POST' || request.url !== '/_control/call')
      return { status: 404, json: { error: 'POST /_control/call' } }
    try {
      const { method, args = [] } = JSON.parse(body.toString(), revive) as { method: string; args?: unknown[] }
      let target: unknown = roots
      for (const part of method.split('.')) {
        target =
          typeof target === 'object' && target !== null && Object.hasOwn(target, part)
            ? (target as Record<string, unknown>)[part]
            : undefined
      }
      if (typeof target !== 'function') return { status: 404, json: { error: `no control method ${method}` } }
      const result: unknown = await (target as (...values: unknown[]) => unknown)(...args)
      return { status: 200, json: { result: result ?? null } }
    } catch (error) {
      const violations = error instanceof RuleViolation ? { violations: error.violations } : {}
      return { status: 400, json: { error: error instanceof Error ? error.message : String(error), ...violations } }
    }
  }
}

/** Calls the control API of a stand-in that runs as another process. @throws Error with its message */
export async function callControl(url: string, method: string, ...args: unknown[]): Promise<unknown> {
  const response = await fetch(`${url}/_control/call`, { method: 'POST', body: JSON.stringify({ method, args }) })
  const { result, error } = (await response.json()) as { result?: unknown; error?: string }
  if (error !== undefined) throw new Error(error)
  return result
}
