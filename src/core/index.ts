/** Core's one door: pure judgement, bytes in, verdicts out. Nothing outside of core imports past it. */
export * from './ids.ts'
export type * from './facts/facts.ts'
export type * from './policy/policy-v1.ts'
export type * from './policy/verdict.ts'
export type * from './keyring/keyring.ts'
export * from './approval/statement.ts'
export * from './bytes/json.ts'
export * from './bytes/json-strict.ts'
