import { inertPlain as inert } from '../../core/index.ts'
import type { GenesisPlan } from '../../flows/gate/genesis.ts'
import type { PolicyFileFault } from '../../flows/ports.ts'
import type { CliNeeds } from './needs.ts'
import { Refusal } from './refusal.ts'
import { aligned } from './terminal.ts'

/** The faults of a policy that must not become the first one. */
export function policyRefusal(needs: CliNeeds, faults: readonly PolicyFileFault[]): Refusal {
  const { terminal } = needs
  for (const { code, file, line, message, remedy } of faults) {
    const place = file === '' ? '' : `${file}${line === null ? '' : `:${line}`}  `
    terminal.err(`${inert(`${place}${code}  ${message}`)}\n    ${inert(remedy)}\n`)
  }
  return new Refusal('policy-unusable', 'this policy cannot take effect', {
    remedy: 'Correct what is named above; nothing was changed.',
    data: { faults },
  })
}

/** What a person has to confirm, on standard error. */
export function showPlan(needs: CliNeeds, plan: GenesisPlan, title: string): void {
  const { terminal } = needs
  terminal.err(
    `${title}: ${plan.governanceRepository}@${plan.branch}\n${aligned([
      ['  commit', plan.commit],
      ['  digest', `sha256:${plan.digest}`],
      ['  files', String(plan.files.size)],
    ])}Who these logins are, for good (numeric accounts):\n${aligned(
      plan.accounts.map(({ login, account }) => [`  ${inert(login)}`, String(account)]),
    )}`,
  )
}
