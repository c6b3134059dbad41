import { lookup, Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { isPublicAddress } from './addresses.ts'
import { urlLengthMax } from './webhook.ts'

/** All addresses of a host name, one at least. Rejects when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

/** Where webhooks may go. */
export interface Destinations {
  /** What is wrong with a URL, or null. Of a name that cannot be resolved at the moment nothing can be said; every connection asks again. */
  readonly problemOf: (url: string) => Promise<string | null>
  /** What is wrong with the host of a URL that is an address itself, for which nobody calls `lookup`; or null. */
  readonly addressProblemOf: (url: URL) => string | null
  /** For a connection: the very addresses that were checked, and an error if one of them is not public. */
  readonly lookup: LookupFunction
}

export interface DestinationOptions {
  /** Any address. */
  readonly allowPrivate: boolean
  readonly resolve?: Resolve | undefined
}

const notPublic = 'is not an address of the public internet'

export function createDestinations({
  allowPrivate,
  resolve = allowPrivate ? resolveAny : resolvePublic,
}: DestinationOptions): Destinations {
  const check = async (hostname: string): Promise<readonly string[]> => {
    const addresses = await resolve(hostname)
    // Any: whoever owns the name could otherwise let chance choose the one that is not.
    if (!allowPrivate && !addresses.every(isPublicAddress)) throw new NotPublic(`"${hostname}" ${notPublic}`)
    return addresses
  }
  const checkThen = callbackify(check)
  const addressProblemOf = (url: URL): string | null => {
    const host = hostOf(url)
    return allowPrivate || isIP(host) === 0 || isPublicAddress(host) ? null : `"${host}" ${notPublic}`
  }
  return {
    addressProblemOf,
    problemOf: async (text) => {
      const url = parse(text)
      if (url === null) return `must be a URL of at most ${urlLengthMax} characters, for example https://shop.example/hooks`
      if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://'
      if (url.username !== '' || url.password !== '') return 'must have no user name and no password; what is sent is signed instead'
      const problem = addressProblemOf(url)
      if (problem !== null || allowPrivate || isIP(hostOf(url)) !== 0) return problem
      try {
        await check(hostOf(url))
        return null
      } catch (error) {
        return error instanceof NotPublic ? error.message : null
      }
    },
    lookup: (hostname, { all }, callback) =>
      checkThen(hostname, (error, addresses) => {
        const [first] = addresses ?? []
        if (error !== null || first === undefined) callback(error ?? new Error(`"${hostname}" has no address`), '')
        else if (all === true)
          callback(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          )
        else callback(null, first, isIP(first))
      }),
  }
}

/** Somebody's name leads to an address that nobody outside may reach. */
export class NotPublic extends Error {
  readonly code = 'NOT_PUBLIC'
}

function parse(text: string): URL | null {
  // The parser would leave spaces and control characters out without a word.
  if (text.length > urlLengthMax || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return null
  return new URL(text)
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/**
 * From the servers of names first: any number at once, and a slow one holds up nobody, where `lookup` would take one of four threads. Names that only this machine knows, as "localhost", are asked of it, to be told that they are not
 * public.
 */
async function resolvePublic(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const found = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  return found.length === 0 ? resolveAny(hostname) : found
}

/** As every program of this machine does: also names that only this network or this machine knows. */
async function resolveAny(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}
