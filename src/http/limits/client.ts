import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { anonymous } from '../caller.ts'

/** Who is counted: a key or a user by its name; strangers, and everybody where nobody has a name, by their address. */
export function clientOf(request: FastifyRequest): string {
  const { caller } = request
  return caller.role === 'stranger' || caller === anonymous ? addressOf(request) : `caller ${caller.name}`
}

/** The address of the client, or of the proxy before it if that tells none. */
export function addressOf({ ip, socket: { remoteAddress = '' } }: FastifyRequest): string {
  return `address ${networkOf(ip === remoteAddress || isIP(ip) !== 0 ? ip : remoteAddress)}`
}

/** An IPv4 address as it is; of IPv6 the first 64 bits, because whoever has one of them has all of their network. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  // An IPv4 address on a socket for both.
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1)
  const [head = '', tail] = address.split('%', 1)[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const missing = 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
    for (let n = 0; n < missing; n++) groups.push('0')
    if (tail !== '') groups.push(...tail.split(':'))
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
