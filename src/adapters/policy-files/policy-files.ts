import type { PolicyFileFault, PolicyFiles } from '../../flows/ports.ts'
import { isPolicyPath } from './policy-path.ts'
import { readPolicyFiles } from './read-policy-files.ts'

/** The flows' view of policy files: the policy, and every fault or finding that keeps it from taking effect. */
export const policyFilesPort: PolicyFiles = {
  isPolicyPath,
  read({ governanceRepository, files, isGenesis }) {
    const read = readPolicyFiles({
      owner: governanceRepository.split('/')[0] ?? '',
      governanceRepository,
      files,
      lint: { genesis: isGenesis },
    })
    const told = ({ code, file, line, message, remedy }: PolicyFileFault): PolicyFileFault => ({
      code,
      file,
      line,
      message,
      remedy,
    })
    return {
      policy: read.policy,
      blocking: [...read.faults, ...read.findings.filter((finding) => finding.blocks)].map(told),
    }
  },
}
