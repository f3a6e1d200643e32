import { parsePublicKey } from '../crypto/public-key.ts'
import { isSignatureScheme } from '../crypto/signature-schemes.ts'
import type { Finding, LintOptions } from './finding.ts'
import type { PolicyV1, RegistryKey } from './policy-v1.ts'

const remedies: Readonly<Record<string, string>> = {
  'placeholder-key': 'Replace the placeholder by the public key of this person.',
  'published-test-key': 'Replace the key: its secret is public, so anyone can sign with it.',
  'malformed-key': 'Write the compressed public key as 66 hex digits.',
  'x-only-key': 'Write the compressed key (66 hex digits), or set scheme: bip340-v1.',
  'not-on-curve': 'Check the digits: no such point is on the curve.',
  'unsupported-scheme': 'Use ecdsa-secp256k1-v1 or bip340-v1.',
  infinity: 'Replace the key: this is no key.',
}

const lower = (login: string): string => login.toLowerCase()

function lintTimes(key: RegistryKey, path: string, at: number, findings: Finding[]): void {
  const data = { login: key.login, set: key.set }
  if (key.expires !== null && key.expires <= at) {
    findings.push({
      code: 'expired-key',
      severity: 'error',
      blocks: true,
      path: `${path}/expires`,
      data,
      remedy: 'Enrol a new key for this person, or set the entry to inactive.',
    })
  }
  if (key.notBefore !== null && key.notBefore > at) {
    findings.push({
      code: 'key-not-yet-valid',
      severity: 'warning',
      blocks: false,
      path: `${path}/notBefore`,
      data,
      remedy: 'Signatures of this key count from its not_before on.',
    })
  }
}

/** Keys by themselves: unusable, expired, without account. Returns the key ids of the usable ones by index. */
function lintEach(policy: PolicyV1, options: LintOptions, findings: Finding[]): ReadonlyMap<number, string> {
  const keyids = new Map<number, string>()
  for (const [index, key] of policy.registry.entries()) {
    if (key.status === 'inactive') continue
    const path = `/registry/${index}`
    const data = { login: key.login, set: key.set }
    const parsed = isSignatureScheme(key.scheme)
      ? parsePublicKey(key.publicKey, key.scheme)
      : ({ ok: false, code: 'unsupported-scheme' } as const)
    if (parsed.ok) keyids.set(index, parsed.keyid)
    else {
      findings.push({
        code: parsed.code,
        severity: 'error',
        blocks: true,
        path: `${path}/publicKey`,
        data,
        remedy: remedies[parsed.code] ?? 'Replace the key.',
      })
    }
    if (key.account === null) {
      findings.push({
        code: 'account-missing',
        severity: options.genesis === true ? 'info' : 'error',
        blocks: options.genesis !== true,
        path: `${path}/account`,
        data,
        remedy: 'Add id: with the numeric account id; a login can change hands.',
      })
    }
    if (options.at !== undefined) lintTimes(key, path, options.at, findings)
  }
  return keyids
}

/** The same key, person or account in more than one entry. */
function lintPairs(policy: PolicyV1, keyids: ReadonlyMap<number, string>, findings: Finding[]): void {
  const firstByKey = new Map<string, number>()
  const firstByLogin = new Map<string, number>()
  const firstByAccount = new Map<number, number>()
  const firstInSet = new Map<string, number>()
  const entryAt = (index: number | undefined): RegistryKey | undefined =>
    index === undefined ? undefined : policy.registry[index]
  for (const [index, key] of policy.registry.entries()) {
    if (key.status === 'inactive') continue
    const path = `/registry/${index}`
    const report = (
      code: string,
      severity: Finding['severity'],
      at: string,
      other: RegistryKey,
      remedy: string,
    ): void => {
      const data = { login: key.login, set: key.set, otherLogin: other.login, otherSet: other.set }
      findings.push({ code, severity, blocks: severity === 'error', path: `${path}/${at}`, data, remedy })
    }
    const keyid = keyids.get(index)
    const sameKey = keyid === undefined ? undefined : entryAt(firstByKey.get(keyid))
    if (sameKey !== undefined && lower(sameKey.login) !== lower(key.login)) {
      report('duplicate-key', 'error', 'publicKey', sameKey, 'Give each person a key of their own.')
    } else if (sameKey !== undefined && sameKey.set !== key.set) {
      report(
        'key-in-several-sets',
        'info',
        'publicKey',
        sameKey,
        'One key may speak in several registries; this is one.',
      )
    }
    const setAndLogin = `${key.set}\n${lower(key.login)}`
    const sameEntry = entryAt(firstInSet.get(setAndLogin))
    if (sameEntry !== undefined) {
      const remedy = 'Two keys of one person are one vote; remove the entry if it was meant for another person.'
      report('person-listed-twice', 'warning', 'login', sameEntry, remedy)
    }
    const sameLogin = entryAt(firstByLogin.get(lower(key.login)))
    if (
      sameLogin !== undefined &&
      sameLogin.account !== null &&
      key.account !== null &&
      sameLogin.account !== key.account
    ) {
      report('login-with-two-accounts', 'error', 'account', sameLogin, 'Correct the id: one login is one account.')
    }
    const sameAccount = key.account === null ? undefined : entryAt(firstByAccount.get(key.account))
    if (sameAccount !== undefined && lower(sameAccount.login) !== lower(key.login)) {
      report('account-with-two-logins', 'error', 'account', sameAccount, 'Correct the id: one account is one person.')
    }
    if (keyid !== undefined && !firstByKey.has(keyid)) firstByKey.set(keyid, index)
    if (!firstInSet.has(setAndLogin)) firstInSet.set(setAndLogin, index)
    if (!firstByLogin.has(lower(key.login))) firstByLogin.set(lower(key.login), index)
    if (key.account !== null && !firstByAccount.has(key.account)) firstByAccount.set(key.account, index)
  }
}

/** Finds what is wrong with the registry: keys that cannot be used, and keys, persons and accounts that collide. */
export function lintKeys(policy: PolicyV1, options: LintOptions): Finding[] {
  const findings: Finding[] = []
  const keyids = lintEach(policy, options, findings)
  lintPairs(policy, keyids, findings)
  return findings
}
