import { BlockList, isIP } from 'node:net'

/** What of IPv4 is not the public internet, by the registry of special-purpose addresses. */
const notPublic4 = networks('ipv4', [
  '0.0.0.0/8', // this host
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by customers of a carrier
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, and where clouds tell a machine its credentials
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocols
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays from 6to4
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
])

/** All that is assigned of the public internet; loopback, link-local, unique-local and multicast addresses are outside of it. */
const assigned6 = networks('ipv6', ['2000::/3'])
const notPublic6 = networks('ipv6', [
  '2001::/23', // protocols: Teredo, benchmarks, identifiers that are no addresses
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which leads to any IPv4 address
  '3fff::/20', // documentation
])
/** An IPv4 address in other clothes: mapped, and as a translator (NAT64) knows it. */
const embedded4 = networks('ipv6', ['::ffff:0:0/96', '64:ff9b::/96'])

/** Whether this IP address is one of the public internet. Anything else is not, be it no address at all. */
export function isPublicAddress(address: string): boolean {
  const kind = isIP(address)
  if (kind === 4) return !notPublic4.check(address, 'ipv4')
  // With a zone (fe80::1%eth0) it is of this machine only.
  if (kind !== 6 || address.includes('%')) return false
  if (embedded4.check(address, 'ipv6')) return isPublicAddress(lastFourBytes(address))
  return assigned6.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6')
}

/** Of an IPv6 address, as IPv4. */
function lastFourBytes(address: string): string {
  // In one spelling: eight groups, of which a run of zeros is left out.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':')
  const [high = 0, low = 0] = groups.slice(-2).map((group) => parseInt(group || '0', 16))
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

function networks(family: 'ipv4' | 'ipv6', subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
