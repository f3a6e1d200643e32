import { BlockList, isIP } from 'node:net'

export interface ClientAddresses {
  /** The address that a request counts for. `forwardedFor` is the header's text as it came. */
  clientOf(peer: string | undefined, forwardedFor: string | undefined): string
  /** Whether the peer of a connection is a configured proxy. */
  isProxy(peer: string | undefined): boolean
}

/**
 * Builds what says who a request comes from. Trust: `X-Forwarded-For` is a stranger's text but for the hops
 * that configured proxies appended. Reads it from the right: hops that are trusted proxies are passed over, the
 * first one that is not is the client (T08b). What stands further left is never looked at.
 */
export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = new BlockList()
  for (const network of trustedProxies) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  const isTrusted = (address: string): boolean => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  return {
    clientOf(peer, forwardedFor) {
      let client = plainAddress(peer ?? '')
      if (client === null) return 'unknown'
      const hops = forwardedFor?.split(',') ?? []
      for (let i = hops.length - 1; i >= 0 && isTrusted(client); i--) {
        const hop = plainAddress(hops[i]?.trim() ?? '')
        // A trusted proxy writes addresses; anything else stood there before it, and says nothing.
        if (hop === null) break
        client = hop
      }
      return client
    },
    isProxy(peer) {
      const address = plainAddress(peer ?? '')
      return address !== null && isTrusted(address)
    },
  }
}

/** One client of IPv6 owns a whole /64, so it counts as one; an IPv4 address counts by itself. */
export function clientGroup(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const gap = address.includes('::')
    ? Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
    : []
  return [...left, ...gap, ...right]
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')
}

/** Without zone and without the IPv6 coat of an IPv4 address; null for what is no address. */
function plainAddress(text: string): string | null {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(text)?.[1]
  const address = mapped ?? text.replace(/%.*$/, '')
  return isIP(address) === 0 ? null : address
}
