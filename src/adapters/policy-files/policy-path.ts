/** Files of a governance repository that state its policy. */
export const policyFiles = {
  governance: '.governance.yml',
  tiers: 'config/action-tiers.yml',
  layers: 'config/repository-layers.yml',
  classification: 'config/tier-classification-rules.yml',
  emergency: 'config/emergency-tiers.yml',
  crossLayer: 'config/cross-layer-rules.yml',
} as const

const single: ReadonlySet<string> = new Set(Object.values(policyFiles))

/** Says whether a path of the governance repository is read as policy; nothing else in it decides anything. */
export const isPolicyPath = (path: string): boolean =>
  single.has(path) || /^config\/(?:repos|maintainers)\/[^/]+\.yml$/.test(path)

/** Says whether a path looks like a policy file and is not read, so that nobody takes it for one. */
export const isNearlyPolicyPath = (path: string): boolean =>
  !isPolicyPath(path) && /^(?:\.governance\.ya?ml|config\/.+\.ya?ml)$/i.test(path)
