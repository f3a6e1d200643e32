const family = 'https://*.'

/**
 * Whether a calendar that a timestamp names may be asked. A timestamp is a stranger's file: without this rule it could send
 * the asker's machine to any address.
 *
 * Checks: the address is one of `allowed`, but for slashes at the end, or `https` on a host below a family
 * `https://*.example.org`, without port and path.
 */
export function isAllowedCalendar(uri: string, allowed: readonly string[]): boolean {
  const address = uri.replace(/\/+$/, '')
  return allowed.some((pattern) => {
    if (!pattern.startsWith(family)) return pattern.replace(/\/+$/, '') === address
    const host = /^https:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)*)$/.exec(address)?.[1]
    return host?.endsWith(`.${pattern.slice(family.length)}`) === true
  })
}
